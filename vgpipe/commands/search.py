"""What a sweeper that searches wants of a run: its objectives, and which of their values it prefers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vgpipe.errors import ConfigError, Fault
from vgpipe.runs.objective import Direction, Measured, objective_values, worst_values

DIRECTION = "hydra.sweeper.direction"


@dataclass(frozen=True, slots=True)
class Search:
    """The objectives of a run.

    Attributes:
        names: those of `run.objective`, unchecked; none for the number of clips that are not done.
        directions: one for each objective; none where the sweeper says nothing, or does not search.
    """

    names: tuple[str, ...]
    directions: tuple[Direction, ...]

    def values(self, clips: Sequence[Measured]) -> tuple[float, ...]:
        """Returns the value of each objective of a run that ended, with all its clips."""
        return objective_values(self.names, clips, self.directions)

    def worst(self) -> tuple[float, ...]:
        """Returns the values of a run that gave no result."""
        return worst_values(self.names, self.directions)

    def refuse_other_count(self) -> None:
        """Refuses another number of objectives than of directions, which would end a search at its first run.

        Raises:
            ConfigError: where the sweeper has directions, and not one for each objective.
        """
        wanted, given = max(1, len(self.names)), len(self.directions)
        if given and given != wanted:
            what = f"number of directions: {given}; number of objectives: {wanted}"
            remedy = f"type '{DIRECTION}=[minimize,maximize]' and run.objective with as many names"
            raise ConfigError("invalid configuration", [Fault(DIRECTION, what, remedy)])


def search_of(config: DictConfig, hydra: Any) -> Search:
    """Returns what the sweeper wants of one combination.

    Args:
        config: the composed config of the run.
        hydra: the `hydra` node; the name of its key for the direction is that of Optuna's sweeper.
    """
    names, directions = OmegaConf.select(config, "run.objective"), OmegaConf.select(hydra, "sweeper.direction")
    known = {one.value: one for one in Direction}
    return Search(
        tuple(map(str, _several(names))),
        tuple(known[name] for one in _several(directions) if (name := getattr(one, "name", str(one))) in known),
    )


def _several(value: object) -> Sequence[object]:
    """Returns the items of a list; another value alone, and none for null."""
    if value is None:
        return ()
    return tuple(value) if OmegaConf.is_list(value) else (value,)  # type: ignore[arg-type]
