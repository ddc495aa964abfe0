"""The result of one combination of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vgpipe.commands.search import Search
from vgpipe.runs.exit_codes import EXIT_FAILED, EXIT_STOPPED
from vgpipe.runs.objective import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What a run gives to the sweeper, and to the command that waits for it; small, since it may come from a worker.

    A sweeper that searches reads it as a number, or as one number for each objective.

    Attributes:
        name: of the combination, as its folder is called.
        exit_code: of the run.
        state: how far its clips are, as a person reads it.
        root: its directory; None where it could not be started.
        objectives: what a sweeper that searches goes by, one value for each name in `run.objective`.
        objective_names: those names; none where the objective is the number of clips that are not done.
    """

    name: str
    exit_code: int
    state: str
    root: Path | None
    objectives: tuple[float, ...]
    objective_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path, search: Search, exit_code: int, clips: Sequence[Measured]) -> SweepResult:
        """Returns the result of a run that ended.

        Args:
            root: its directory.
            search: what the sweeper wants of it.
            exit_code: of the run.
            clips: all of its clips; none where an error ended it.
        """
        values = search.values(clips) if clips else search.worst()
        return cls(
            name=root.name,
            exit_code=exit_code,
            state=_state(clips, exit_code) if clips else "ended by an error",
            root=root,
            objectives=values,
            objective_names=search.names,
        )

    @classmethod
    def without(cls, root: Path, search: Search, reason: str, clips: Sequence[Measured] = ()) -> SweepResult:
        """Returns the result of a combination that gave none.

        Args:
            root: the directory that it has, or would have had.
            search: what the sweeper wants of it.
            reason: why, in one line.
            clips: those that its directory lists; none where it did not start.
        """
        return cls(
            name=root.name,
            exit_code=EXIT_FAILED,
            state=f"{_state(clips) if clips else 'not started'}: {reason}",
            root=root if clips else None,
            objectives=search.worst(),
            objective_names=search.names,
        )

    def __float__(self) -> float:
        return self.objectives[0]

    def __iter__(self) -> Iterator[float]:
        return iter(self.objectives)


def _state(clips: Sequence[Measured], exit_code: int = EXIT_FAILED) -> str:
    stopped = ", stopped" if exit_code == EXIT_STOPPED else ""
    done, made = sum(clip.is_done for clip in clips), sum(clip.is_made for clip in clips)
    drafted = f", {made - done} drafted" if made > done else ""
    return f"{done} of {len(clips)} done{drafted}{stopped}"
