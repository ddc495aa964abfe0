"""The model and the clips of a plan; no file of the model is needed where a manifest of it ships with vgpipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vgpipe.clips import from_config, requested
from vgpipe.clips.own_rules import own_rules
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.schema import Config
from vgpipe.fallback import loading_steps
from vgpipe.hub.cache import RepoCache
from vgpipe.hub.repo import missing_bytes
from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.models.checkpoint.manifest import CheckpointManifest, manifest_of
from vgpipe.plans.target import Target
from vgpipe.plans.weight_notes import weight_notes

MAIN = "main"


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model to plan for.

    Attributes:
        config: the whole config, the model's precision decided for the device that is planned for.
        family: drives the model.
        download_bytes: weight files that are not on the disk yet.
        notes: what the user should know, a sentence each.
        tokenizers: the folder in the hub cache that has the tokenizers, where the checkpoint itself has no files.
    """

    config: Config
    family: Family
    download_bytes: int
    notes: tuple[str, ...] = ()
    tokenizers: Path | None = None


def planned_model(config: Config, target: Target) -> PlannedModel:
    """Opens the model that the config names, for planning alone.

    Args:
        config: the whole config.
        target: the device; says what `model.dtype=auto` means.

    Returns:
        The model. Without a manifest of it, a repo's small files are downloaded, as for a run.

    Raises:
        ModelError: where there is no such checkpoint.
        ConfigError: where its family is unknown, `memory` names what it has not, or its step cache does not work.
    """
    model = loading_steps.with_precision(config.model, target.dtypes)
    decided = replace(config, model=model)
    manifest = _manifest(model)
    if manifest is not None:
        family = from_config.family_to_plan(model, config.memory, config.quality, manifest, config.store.dir)
        lacking, cached = _lacking(manifest, family, config), _snapshot(model.id, model.revision or MAIN)
        return PlannedModel(decided, family, lacking, _notes(decided, family), cached)
    checkpoint = from_config.opened(model, config.store.dir)
    family = from_config.family_to_plan(model, config.memory, config.quality, checkpoint, config.store.dir)
    return PlannedModel(decided, family, download_bytes(family), _notes(decided, family))


def _manifest(model: ModelConfig) -> CheckpointManifest | None:
    """Returns what ships about a model, with the files of the user's in it; None where nothing does."""
    sources = {name: from_config.local_source(origin) for name, origin in model.components.items()}
    local = {name: source for name, source in sources.items() if source is not None}
    others = {name: origin.id for name, origin in model.components.items() if name not in local}
    return manifest_of(
        model.name, model.id, others, local=local, file=Path(model.single_file) if model.single_file else None
    )


def _notes(config: Config, family: Family) -> tuple[str, ...]:
    absent = len(config.model.loras) - len(family.settings.loras)
    told = (f"model.loras: {absent} of them are not downloaded yet, and not counted",) if absent else ()
    return (*weight_notes(family), *told)


def download_bytes(family: Family) -> int:
    """Returns how many bytes of a model's weight files are not on the disk yet."""
    checkpoint, variant = family.checkpoint, family.settings.variant
    sources = [(name, checkpoint.source(name).repo) for name in family.components()]
    return sum(missing_bytes(repo, checkpoint.files(name, variant)) for name, repo in sources if repo is not None)


def _lacking(manifest: CheckpointManifest, family: Family, config: Config) -> int:
    variant, others = family.settings.variant, config.model.components
    lacking = 0
    for name in family.components():
        if manifest.is_local(name):
            continue
        size = manifest.size_bytes(name, variant)
        other = others.get(name)
        repo, revision = (other.id, other.revision) if other else (config.model.id, config.model.revision)
        folder = other.subfolder if other else name
        lacking += max(0, size - _cached_bytes(repo, revision or MAIN, folder))
    return lacking


def _cached_bytes(repo_id: str, revision: str, folder: str) -> int:
    """Returns how many bytes of weights of a component the hub cache holds, without network access."""
    place = _snapshot(repo_id, revision)
    return sum(path.stat().st_size for path in (place / folder).glob("*.safetensors")) if place else 0


def _snapshot(repo_id: str, revision: str) -> Path | None:
    cache = RepoCache(repo_id)
    commit = cache.commit_of(revision)
    return cache.snapshot(commit) if commit else None


PLACEHOLDER = "any"
REQUIRED = "required"


def clips_to_plan(config: Config, job_lines: str | None = None) -> tuple[Sequence[Clip], Sequence[str]]:
    """Returns the clips, and notes for the user on how the job was read.

    Without a job, one clip. Its prompt and image are optional, since no figure depends on them.

    Args:
        config: the whole config.
        job_lines: the prompts, of `json_lines`, where they are not in the file that `job` names.

    Raises:
        JobError: naming everything that is wrong with the job or with `clip.*`.
    """
    if config.job is not None or job_lines is not None:
        made = requested.request(config, job_lines)
        return made.clips, made.notes
    rules = own_rules(config.model)
    first, last = (
        PLACEHOLDER if getattr(rules, name) == REQUIRED and getattr(config.clip, name) is None else None
        for name in ("image", "last_image")
    )
    clip = replace(config.clip, prompt=config.clip.prompt or PLACEHOLDER)
    relaxed = replace(
        rules,
        image="optional" if first else rules.image,
        last_image="optional" if last else rules.last_image,
    )
    made = requested.request(replace(config, clip=clip, model=replace(config.model, rules=relaxed)))
    return [replace(one, image=first or one.image, last_image=last or one.last_image) for one in made.clips], made.notes
