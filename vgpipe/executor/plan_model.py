"""The model of a plan: nothing of it needs to be here, where what it is made of ships with vgpipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vgpipe.config.schema import Config
from vgpipe.executor import model_moves, prepare
from vgpipe.executor.tiers import Target
from vgpipe.hub.cache import RepoCache
from vgpipe.hub.repo import missing_bytes
from vgpipe.models.base import Family
from vgpipe.models.outline import Outline, outline_of

MAIN = "main"


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model to plan for.

    Attributes:
        config: the whole config, the model's precision decided for the device that is planned for.
        family: drives the model.
        download_bytes: weight files that are not on the disk yet.
        notes: what the user should know, a sentence each.
    """

    config: Config
    family: Family
    download_bytes: int
    notes: tuple[str, ...] = ()


def planned_model(config: Config, target: Target) -> PlannedModel:
    """Opens the model that the config names, for planning alone.

    Args:
        config: the whole config.
        target: the device; says what `model.dtype=auto` means.

    Returns:
        The model. Without an outline of it, a repo's small files are downloaded, as for a run.

    Raises:
        ModelError: where there is no such checkpoint.
        ConfigError: where its family is unknown, or `memory` names what it has not.
    """
    model = model_moves.decided(config.model, target.dtypes)
    decided = replace(config, model=model)
    others = {name: origin.id for name, origin in model.components.items()}
    outline = outline_of(model.name, model.id, others)
    if outline is not None:
        family = prepare.family_to_plan(model, config.memory, outline, config.store.dir)
        return PlannedModel(decided, family, _lacking(outline, family, config), _notes(decided, family))
    checkpoint = prepare.opened(model, config.store.dir)
    family = prepare.family_to_plan(model, config.memory, checkpoint, config.store.dir)
    return PlannedModel(decided, family, download_bytes(family), _notes(decided, family))


def _notes(config: Config, family: Family) -> tuple[str, ...]:
    absent = len(config.model.loras) - len(family.settings.loras)
    return (f"model.loras: {absent} of them are not here yet, and not counted",) if absent else ()


def download_bytes(family: Family) -> int:
    """Returns how many bytes of a model's weight files are not on the disk yet."""
    checkpoint, variant = family.checkpoint, family.settings.variant
    sources = [(name, checkpoint.source(name).repo) for name in family.components()]
    return sum(missing_bytes(repo, checkpoint.files(name, variant)) for name, repo in sources if repo is not None)


def _lacking(outline: Outline, family: Family, config: Config) -> int:
    variant, others = family.settings.variant, config.model.components
    lacking = 0
    for name in family.components():
        size = outline.size_bytes(name, variant)
        other = others.get(name)
        repo, revision = (other.id, other.revision) if other else (config.model.id, config.model.revision)
        folder = other.subfolder if other else name
        lacking += max(0, size - _cached_bytes(repo, revision or MAIN, folder))
    return lacking


def _cached_bytes(repo_id: str, revision: str, folder: str) -> int:
    """Returns how many bytes of weights of a component the hub cache holds; asks nobody."""
    cache = RepoCache(repo_id)
    commit = cache.commit_of(revision)
    place: Path | None = cache.snapshot(commit) / folder if commit else None
    return sum(path.stat().st_size for path in place.glob("*.safetensors")) if place else 0
