"""How far each clip of a run is made: to the end, or as a draft."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from vgpipe.job.clip import Clip
from vgpipe.job.drafts import Draft, draft_steps
from vgpipe.runs.rounds import Rounds


@dataclass(frozen=True, slots=True)
class Steps:
    """Says of each clip after how many steps it stops.

    Attributes:
        draft: the config's `draft`.
        picked: ids of the drafts that are to be continued to the end.
        rounds: knows how far clips are made that compete.
    """

    draft: Draft | None = None
    picked: Collection[str] = frozenset()
    rounds: Rounds = field(default_factory=Rounds)

    def steps_of(self, clip: Clip) -> int | None:
        """Returns the steps after which a clip stops; None where it is made to the end.

        Args:
            clip: as its model makes it.
        """
        if clip.id in self.picked:
            return None
        asked = self.draft if clip.contest is None else self.rounds.goal_of(clip)
        return draft_steps(asked, clip.num_inference_steps)
