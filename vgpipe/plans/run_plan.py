"""The plan of a job: what it takes on its device, and with several workers on all of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgpipe.plans.crew import CrewPlan
from vgpipe.plans.device_plan import DevicePlan
from vgpipe.plans.figures import SHORTEST_S, Span

if TYPE_CHECKING:
    from vgpipe.errors import ConfigError
    from vgpipe.plans.done_by import DoneBy
    from vgpipe.plans.draft_rest import DraftRest


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a job is refused.

    Attributes:
        error: naming every kind of clip that does not fit, and the nearest that does.
        nearest: what to type for the first of these kinds, each of which fits by itself; the smallest change first.
        remedy: what else helps it; may be empty.
    """

    error: ConfigError
    nearest: tuple[str, ...]
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan(DevicePlan):
    """What a job takes.

    Attributes:
        crew: the workers, where there are several; a kind of clip is then planned for the first that holds it.
        done_by: how many clips will be done by the deadline; None without one.
        rest: what its drafts take to be finished; None without drafts.
        refusal: why it does not fit, and the nearest that does; None where it fits, or nobody has asked.
    """

    crew: CrewPlan | None = None
    done_by: DoneBy | None = None
    rest: DraftRest | None = None
    refusal: Refusal | None = None

    def seconds(self) -> Span | None:
        """Returns how long the whole job takes, loading each component once; None where that is not known."""
        if not self.fits:
            return None
        return self.seconds_alone() if self.crew is None else self.crew.seconds(self.seconds_alone())

    def rest_seconds(self) -> Span | None:
        """Returns how long it takes to finish all its drafts; None without drafts, or where that is not known."""
        alone, together = self.seconds_alone(), self.seconds()
        if self.rest is None or self.rest.seconds is None or alone is None or together is None:
            return None
        scaled = [end / max(start, SHORTEST_S) for start, end in zip(alone, together, strict=True)]
        return self.rest.seconds[0] * scaled[0], self.rest.seconds[1] * scaled[1]
