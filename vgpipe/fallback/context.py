"""What the memory ladder works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.memory.strategies import Strategy
from vgpipe.models.base import Family
from vgpipe.planner.forecast_records import Forecast
from vgpipe.store.notes import Notes


class Forecasts(Protocol):
    """A plan, as far as the memory ladder needs it."""

    def forecast_of(self, clip: Clip) -> Forecast | None:
        """Returns the forecast of a clip; None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderContext:
    """What the memory ladder works on.

    Attributes:
        config: the whole config.
        keys: computes store keys; its model's family drives the model as the user asked for it.
        strategies: stage -> where its components live first.
        notes: what earlier runs learnt.
        device: what memory runs out on, as plain values: `device`, `kind` (torch's name), `memory_limit_gb`.
        forecasts: the plan; None without one.
        frame_users: counts who needs which frames.
    """

    config: Config
    keys: ArtifactKeys
    strategies: Mapping[str, Strategy]
    notes: Notes
    device: Mapping[str, str | float | None]
    forecasts: Forecasts | None = None
    frame_users: FrameUsers = field(default_factory=FrameUsers)

    @property
    def family(self) -> Family:
        """Drives the model as the user asked for it."""
        return self.keys.model.family

    def forecast_of(self, clip: Clip) -> Forecast | None:
        """Returns what the plan predicts of a clip; None where it says nothing."""
        return self.forecasts.forecast_of(clip) if self.forecasts else None

    def rekey(self, state: ClipState) -> None:
        """Computes a clip's store keys again after what drives it has changed."""
        with self.frame_users.changing(state):
            self.keys.rekey(state)

    def resize(self, state: ClipState, clip: Clip) -> None:
        """Makes a clip smaller; a long one is split into new segments."""
        with self.frame_users.changing(state):
            self.keys.resize(state, clip)
