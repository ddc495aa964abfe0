"""A file rendered again with changed settings, and what differs from its recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from vgpipe.clips.own_rules import own_rules
from vgpipe.clips.requested import quality_settings
from vgpipe.config.groups import options
from vgpipe.config.load import load
from vgpipe.config.model_schema import ModelConfig, RulesConfig
from vgpipe.config.schema import Config, MemoryConfig, QualityConfig
from vgpipe.config.validate import validate_as
from vgpipe.errors import UsageError
from vgpipe.job.choices import as_literal
from vgpipe.job.clip import SILENT, Clip
from vgpipe.job.declared import EXCLUSIVE, OF_CLIP, SETTINGS
from vgpipe.job.faults import format_value
from vgpipe.job.naming import clip_id
from vgpipe.job.placements import written
from vgpipe.job.resolving.expand import Expansion, expand
from vgpipe.job.resolving.file_names import named
from vgpipe.provenance.recipe import RULES_OF_GIVEN
from vgpipe.provenance.replay import CACHE_SETTINGS, DRAFT, Replay, ReplayOverrides, given_problem
from vgpipe.report.values import table_of
from vgpipe.typed import shown_path

MODEL, QUALITY, MEMORY = "model", "quality", "memory"
PATHS = ("image", "last_image", "video", "audio")
OF_ANY_MODEL = ("prompt", "negative_prompt", "seed", *PATHS, "strength", "fit")
"""What a clip keeps where another model makes it; the rest is that model's own."""
OF_SHOTS = ("seed", "num_inference_steps", "guidance_scale", "negative_prompt")
"""What can be changed of a clip of several shots."""
OTHERS = {"images": "other images", "continuation": "other segments"}
LENGTHS = ("num_frames", "seconds")
CHANGES_NO_BITS = ("strategy", "stream")
T = TypeVar("T", ModelConfig, MemoryConfig, QualityConfig)


@dataclass(frozen=True, slots=True)
class Changed:
    """What is rendered in place of what a file holds.

    Attributes:
        config: the whole config.
        clips: one, or several takes.
        differences: from the file's recipe, `seed 3 -> 9`.
        notes: what the user should know of the clips, a sentence each.
        drawn_from: the number that random seeds were drawn from; None where none was drawn.
    """

    config: Config
    clips: tuple[Clip, ...]
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    drawn_from: int | None


def changed(replay: Replay, overrides: ReplayOverrides) -> Changed:
    """Returns what a file holds with the changes that were typed after it.

    Args:
        replay: the file.
        overrides: what was typed.

    Raises:
        UsageError: where the model cannot make the clip, or a setting of several shots cannot be changed.
    """
    config, typed = _config(replay, overrides), overrides.config
    clip_changes = {name: value for name, value in asdict(typed.clip).items() if value is not None}
    if problem := given_problem(replay.clip, clip_changes):
        raise UsageError(f"{shown_path(replay.path)}: {problem}")
    if replay.clip.shots:
        made = _of_shots(replay.clip, clip_changes, overrides)
    else:
        made = _expanded(replay.clip, clip_changes, config, overrides)
    clips = named(made.clips, made.jobs, config.run.name) if config.run.name else made.clips
    different = (*_of_clips(replay.clip, clips), *_of_config(replay.config, config), *_of_draft(replay))
    return Changed(config, clips, different, made.notes, made.drawn_from)


def _config(replay: Replay, overrides: ReplayOverrides) -> Config:
    model = _merged(replay.config.model, overrides.config.model, MODEL, overrides.keys)
    memory = _merged(replay.config.memory, overrides.config.memory, MEMORY, overrides.keys)
    quality = _merged(replay.config.quality, overrides.config.quality, QUALITY, overrides.keys)
    return replace(replay.config, model=model, memory=memory, quality=quality)


def _merged(recorded: T, typed: T, group: str, keys: frozenset[str]) -> T:
    """Returns the values of a recipe with the typed keys of a group; all of the group where its option is typed."""
    if group in keys:
        return typed
    values, source = asdict(recorded), asdict(typed)
    for key in keys:
        owner, *way = key.split(".")
        if owner == group and way:
            _copy(source, values, way)
    return validate_as(type(recorded), values)


def _copy(source: Mapping[str, Any], target: dict[str, Any], way: Sequence[str]) -> None:
    name, *rest = way
    if rest and isinstance(source.get(name), Mapping) and isinstance(target.get(name), dict):
        _copy(source[name], target[name], rest)
    elif name in source:
        target[name] = source[name]
    else:  # `~model.loras.0`
        target.pop(name, None)


def _expanded(clip: Clip, changes: Mapping[str, Any], config: Config, overrides: ReplayOverrides) -> Expansion:
    is_other_model, preset = MODEL in overrides.keys, quality_settings(config.quality, config.model)
    of_clips = overrides.keys - {f"{QUALITY}.{name}" for name in CACHE_SETTINGS}
    is_other_quality = any(key.partition(".")[0] == QUALITY for key in of_clips)
    kept = _settings(clip, is_other_model=is_other_model)
    replaced = {other for name in changes for pair in EXCLUSIVE if name in pair for other in pair} | set(changes)
    if replaced & set(LENGTHS):
        replaced |= {name for name in kept if SETTINGS[name].setting.recorded_as}
    if is_other_quality:
        replaced |= set(preset)
    rules = _rules(config.model, changes)
    replaced |= set(_untaken(rules, {**kept, **changes}))
    settings = {name: value for name, value in kept.items() if name not in replaced}
    return expand(
        None,
        overrides={**settings, **changes},
        preset=preset,
        reference=asdict(config.model.reference),
        rules=rules,
        model=config.model.name,
        drawn_from=config.drawn_from,
    )


def _rules(model: ModelConfig, changes: Mapping[str, Any]) -> RulesConfig:
    """Returns what the model can make; what a clip may newly be given is that of the option of its name."""
    rules = own_rules(model)
    if not changes.keys() & {*RULES_OF_GIVEN, "strength"} or model.name not in options(MODEL, None):
        return rules
    option = load([f"{MODEL}={model.name}"]).model
    if option.family != model.family:
        return rules
    unset = [name for name in RULES_OF_GIVEN if getattr(rules, name) == getattr(RulesConfig(), name)]
    return replace(rules, **{name: getattr(option.rules, name) for name in unset})


def _untaken(rules: RulesConfig, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yields the settings of what a clip is given that a model takes none of."""
    yield from (name for name in ("image", "last_image", "images") if getattr(rules, name) == "never")
    if ("continue" if settings.get("strength") is None else "restyle") not in rules.video:
        yield from ("video", "strength")


def _settings(clip: Clip, *, is_other_model: bool) -> dict[str, Any]:
    """Returns the settings of a clip as the command line has them."""
    names = OF_ANY_MODEL if is_other_model else OF_CLIP
    found = {name: getattr(clip, name) for name in names}
    found |= {name: as_literal(value) for name, value in found.items() if isinstance(value, str) and name not in PATHS}
    if clip.images:
        found["images"] = [written(one.frame, one.image) for one in clip.images]
    if clip.continuation is not None and not is_other_model:
        of_long = {name: one.setting.recorded_as[-1] for name, one in SETTINGS.items() if one.setting.recorded_as}
        found |= {name: getattr(clip.continuation, recorded) for name, recorded in of_long.items()}
    return {name: value for name, value in found.items() if value is not None}


def _of_shots(clip: Clip, changes: Mapping[str, Any], overrides: ReplayOverrides) -> Expansion:
    """Returns a clip of several shots with settings that leave its segments as they are."""
    others = [f"clip.{name}" for name in changes if name not in OF_SHOTS]
    others += [key for key in sorted(overrides.changes) if key.partition(".")[0] in (MODEL, QUALITY)]
    if others or not isinstance(changes.get("seed", 0), int):
        allowed = ", ".join(f"clip.{name}" for name in OF_SHOTS)
        what = f"of a clip of several shots, {others[0] if others else 'clip.seed=random'} cannot be changed"
        raise UsageError(f"{what} -> change {allowed}, or start a new run of its job")
    name = clip_id(clip.id.rpartition("-")[0], {"of": clip.id, **changes})
    return Expansion((replace(clip, id=name, name=None, **changes),), (), None, ("rerun",))


def _of_clips(old: Clip, new: Sequence[Clip]) -> Iterator[str]:
    digests = {f"{name}_sha256": name.replace("_", " ") for name in PATHS}
    for name in (*OF_CLIP, *digests, "images", "continuation"):
        before, after = getattr(old, name), list(dict.fromkeys(getattr(clip, name) for clip in new))
        if after == [before] or (name in PATHS and not (name == "audio" and SILENT in (before, *after))):
            continue
        if name in OF_CLIP:
            yield f"{name} {format_value(before)} -> {', '.join(map(format_value, after))}"
        else:
            yield f"another {digests[name]}" if name in digests else OTHERS[name]


def _of_config(old: Config, new: Config) -> Iterator[str]:
    if old.model.name != new.model.name:
        yield f"model {old.model.name} -> {new.model.name}"
    else:
        yield from _of_records(MODEL, old.model, new.model, ("id", "revision"))
    yield from _of_records(MEMORY, old.memory, new.memory, CHANGES_NO_BITS)
    of_clips = [one.name for one in fields(QualityConfig) if one.name not in CACHE_SETTINGS]
    yield from _of_records(QUALITY, old.quality, new.quality, of_clips)


def _of_draft(replay: Replay) -> Iterator[str]:
    before, after = table_of(replay.recipe.get(DRAFT)).get("step"), replay.draft
    if before != after:
        yield f"draft {before or 'none'} -> {after or 'none'}"


def _of_records(group: str, old: T, new: T, left_out: Sequence[str]) -> Iterator[str]:
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after or field.name in left_out:
            continue
        plain = all(isinstance(value, str | int | float | None) for value in (before, after))
        yield f"{group}.{field.name}" + (f" {format_value(before)} -> {format_value(after)}" if plain else "")
