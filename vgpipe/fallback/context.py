"""What the rungs of a run stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vgpipe.clips.clip_state import ClipWork
from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.memory.strategies import Strategy
from vgpipe.models.base import Family
from vgpipe.planner.records import Forecast
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.notes import Notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the rungs of a run stand on.

    Attributes:
        config: the whole config.
        family: drives the model as it was asked for.
        keys_of: names a clip's artifacts, from the clip and stage -> family.
        renamed: told that a clip's artifacts have other names now, from those before and after.
        rename_segments: names the artifacts of a long clip's segments anew.
        divide: cuts a long clip into segments anew.
        forecast_of: what the plan says of a clip; None where there is no plan.
        strategies: stage -> where its components live to begin with.
        notes: what earlier runs learnt.
        device: what memory ran out on, as plain values; its `kind` is that of torch.
        event: appends to the run's events.
    """

    config: Config
    family: Family
    keys_of: Callable[[Clip, Mapping[str, Family]], ClipKeys]
    renamed: Callable[[ClipKeys, ClipKeys], None]
    rename_segments: Callable[[ClipWork], None] = lambda _work: None
    divide: Callable[[ClipWork], None] = lambda _work: None
    forecast_of: Callable[[Clip], Forecast | None]
    strategies: Mapping[str, Strategy]
    notes: Notes
    device: Mapping[str, Any]
    event: Callable[..., None]

    def rename(self, work: ClipWork) -> None:
        """Names a clip's artifacts after what drives it by now; of a segment those of all its clip's segments."""
        if work.whole is not None:
            self.rename_segments(work.whole)
            return
        before, work.keys = work.keys, self.keys_of(work.clip, work.families)
        self.renamed(before, work.keys)
