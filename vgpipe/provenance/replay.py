"""Turns the recipe in a file into the config and clip that render it again.

A recipe may come from a stranger: everything in it is validated like a user's own settings.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any

from vgpipe.clips.clip_record import clip_of_record
from vgpipe.clips.totals import refuse_too_large
from vgpipe.config.arguments import only_sources
from vgpipe.config.exporter_schema import AnyExporter, ExporterConfig
from vgpipe.config.load import load, with_absolute_paths
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.schema import ClipOverrides, Config, MemoryConfig, QualityConfig
from vgpipe.config.validate import validate_as
from vgpipe.errors import ConfigError, Fault, UsageError, first_line
from vgpipe.exporters.bounds import OF_STRANGERS, OWN
from vgpipe.job.clip import SILENT, Clip, GivenFile
from vgpipe.job.drafts import draft_steps
from vgpipe.job.media_files import MediaFile
from vgpipe.job.picture import Picture, PictureFault, load_picture
from vgpipe.job.placements import parse
from vgpipe.job.sound_file import GivenSound, load_sound
from vgpipe.job.video import load_video
from vgpipe.outside_file import expanded
from vgpipe.provenance.recipe import SCHEMA
from vgpipe.provenance.strangers import refuse_endless, refuse_texts
from vgpipe.store.rundir import RunDir

SOUND = "clip.audio"
ALLOWED_OVERRIDES = (
    *("hardware", "hardware.", "executor", "executor.", "exporter", "exporter.", "also.", "run.", "store."),
    *("checks", "checks.", "notify", "notify.", "drawn_from"),
    *("memory.strategy", "memory.stream", "model.id", "model.revision", "hydra.run.dir"),
    *("clip.image", "clip.last_image", "clip.images", "clip.video", SOUND),
)
"""What does not change the latents, and where model and given files are now. A trailing dot allows a whole group."""
CACHE_SETTINGS = ("cache", "cache_threshold", "cache_interval")
"""What a recipe holds of `quality`; the rest of it is in the clip."""
MAX_REASON = 200
NOT_IN_RECIPES = {"image", "last_image", "images", "video", "audio", "continuation", "match_color"}
"""Settings of a clip that a recipe holds in another form than the command line; `clip_of_record` validates them."""


DRAFT = "draft"
"""The key of a recipe, and of the config, that says at which step a clip stops."""
OF_NO_FILE = ("job", "pick", "hydra")
"""Beginnings of keys that a file cannot be rendered again with, but for those that are allowed."""


class Changes(Enum):
    """Whether overrides may change what a file holds."""

    REFUSED = auto()
    ALLOWED = auto()


@dataclass(frozen=True, slots=True)
class ReplayOverrides:
    """The overrides that follow a file on the command line.

    Attributes:
        config: composed from them.
        overrides: as typed.
        keys: the config keys that they set.
        changes: those of them that change what the file holds; empty unless that is allowed.
    """

    config: Config
    overrides: tuple[str, ...]
    keys: frozenset[str]
    changes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Replay:
    """What renders a file again.

    Attributes:
        path: the file.
        recipe: its recipe, as read.
        config: the whole config.
        clip: its clip.
    """

    path: Path
    recipe: Mapping[str, Any]
    config: Config
    clip: Clip

    @property
    def draft(self) -> int | None:
        """The steps after which the clip stops; None where it is made to the end."""
        return draft_steps(self.config.draft, self.clip.num_inference_steps)

    @property
    def preview(self) -> str:
        """What is said of a file that holds the preview of a draft; empty for a finished clip."""
        found = self.recipe.get(DRAFT)
        return f"preview of a draft, step {found['step']} of {found['of']}" if found else ""


def replay_overrides(words: Sequence[str] = (), changes: Changes = Changes.REFUSED) -> ReplayOverrides:
    """Composes the overrides that follow a file on the command line.

    Args:
        words: overrides, and Hydra's flags for where configs are (`--config-dir DIR`), as typed.
        changes: whether they may change what the file holds.

    Raises:
        UsageError: for any other flag.
        ConfigError: where an override is invalid, or would change the clip.
    """
    options = only_sources(words)
    keys = dict.fromkeys(text.partition("=")[0].lstrip("+~") for text in options.overrides)
    _refuse(list(keys), changes)
    config = load(options.overrides, options.sources)
    # Sound may be laid under any clip, and left out: it says where the file is now only where nothing may change.
    of_sound = {SOUND} if changes is Changes.ALLOWED else set()
    changing = frozenset(key for key in keys if not _is_allowed(key) or key in of_sound)
    return ReplayOverrides(config, options.overrides, frozenset(keys), changing)


def read_replay(path: Path, overrides: ReplayOverrides) -> Replay:
    """Reads the recipe of a file and composes what renders it again.

    Args:
        path: a video, an image, or a folder of frames.
        overrides: what followed it on the command line.

    Raises:
        UsageError: where there is no such file, no recipe in it, or an invalid one.
    """
    recipe = read(path)
    try:
        refuse_texts(recipe)
        config = _with_recipe(overrides, recipe)
        clip = _clip(recipe, ClipOverrides() if overrides.changes else overrides.config.clip)
        refuse_endless(clip)
        files = OWN if _is_exporter_typed(overrides) else OF_STRANGERS
        instead = f"exporter={config.exporter.name}"
        refuse_too_large(config, (clip,), of_clips=OF_STRANGERS, of_files=files, instead=instead)
    except UsageError as error:
        if error.faults:
            raise UsageError(f"the recipe in {path} is invalid", error.faults) from error
        raise UsageError(f"the recipe in {path} is invalid: {error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise UsageError(f"the recipe in {path} is invalid: {first_line(error)[:MAX_REASON]}") from error
    return Replay(path, recipe, config, clip)


def given_problem(clip: Clip, replaced: Collection[str] = ()) -> str | None:
    """Returns why a clip cannot have a file that it is given, with what to type; None where it can have all.

    Args:
        clip: the clip.
        replaced: settings whose files are not looked at, as others are typed.
    """
    for one in clip.given_files:
        problem = _problem(one) if one.setting not in replaced else None
        if problem is not None:
            typed = f"clip.{one.setting}={'{FRAME: PATH}' if one.setting == 'images' else 'PATH'}"
            return f"its {problem} -> {typed}"
    return None


def _problem(given: GivenFile) -> str | None:
    if not os.path.lexists(given.path):
        return f"{_words(given)} {given.path} is missing"
    if given.setting == "video":
        found: Picture | MediaFile | GivenSound | PictureFault = load_video(given.path, Path.cwd())
    elif given.setting == "audio":
        found = load_sound(given.path, Path.cwd(), makes_sound=True)
    else:
        found = load_picture(given.path, Path.cwd(), given.setting)
    if isinstance(found, PictureFault):
        return found.what
    return None if found.sha256 == given.sha256 else f"{_words(given)} {given.path} has changed"


def _words(given: GivenFile) -> str:
    return "image" if given.setting == "images" else given.setting.replace("_", " ")


def first_files(run_dir: RunDir) -> list[Path]:
    """Returns the first file of each clip of a run that has one; every file of a clip holds the same recipe."""
    files = [record.get("files") for record in run_dir.read_clips()]
    paths = [run_dir.path_of(next(iter(one.values()))) for one in files if isinstance(one, dict) and one]
    return [path for path in paths if path is not None]


def read(path: Path) -> dict[str, Any]:
    """Returns the recipe in a file, any JSON under the keys of docs/recipe.md.

    Raises:
        UsageError: where there is none, or one that this version of vgpipe cannot read.
    """
    from vgpipe.exporters.reading import read_recipe

    try:
        recipe = read_recipe(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    if recipe["vgpipe"] > SCHEMA:
        raise UsageError(f"{path} was made by a newer vgpipe (recipe {recipe['vgpipe']}) -> pip install -U vgpipe")
    if "too_large" in recipe:
        raise UsageError(f"{path}: its recipe was too large for the file")
    return recipe


def _refuse(keys: Sequence[str], changes: Changes) -> None:
    if changes is Changes.ALLOWED:
        refused = [key for key in keys if key.startswith(OF_NO_FILE) and not _is_allowed(key)]
        faults = [Fault(key[:80], "is of no use for the one clip of a file", "start a new run") for key in refused]
        if faults:
            raise ConfigError("invalid command line", faults)
        return
    refused = [key for key in keys if not _is_allowed(key)]
    if refused:
        names = ", ".join(dict.fromkeys(name.rstrip(".") for name in ALLOWED_OVERRIDES))
        remedy = f"allowed here: {names}; to change the clip, start a new run"
        faults = [Fault(key[:80], "would change the clip that the file holds", remedy) for key in refused]
        raise ConfigError("invalid command line", faults)


def _is_allowed(key: str) -> bool:
    return key in ALLOWED_OVERRIDES or key.startswith(tuple(name for name in ALLOWED_OVERRIDES if name.endswith(".")))


def _with_recipe(overrides: ReplayOverrides, recipe: Mapping[str, Any]) -> Config:
    config = overrides.config
    model: ModelConfig = validate_as(ModelConfig, recipe["model"])
    moved = {name: getattr(config.model, name) for name in ("id", "revision") if f"model.{name}" in overrides.keys}
    recorded: MemoryConfig = validate_as(MemoryConfig, recipe["memory"])
    memory = replace(recorded, strategy=config.memory.strategy, stream=config.memory.stream)
    made_with: QualityConfig = validate_as(QualityConfig, recipe.get("quality", {}))
    quality = replace(config.quality, **{name: getattr(made_with, name) for name in CACHE_SETTINGS})
    exporter: AnyExporter = config.exporter
    if not _is_exporter_typed(overrides):
        exporter = validate_as(ExporterConfig, recipe["exporter"])  # type: ignore[arg-type] # an annotated union
    recorded_draft = _draft(recipe)  # also where another is typed: what a stranger wrote is shown
    draft = config.draft if DRAFT in overrides.keys else recorded_draft
    replayed = replace(
        config, model=replace(model, **moved), memory=memory, quality=quality, exporter=exporter, draft=draft
    )
    return with_absolute_paths(replace(replayed, job=None, pick=(), clip=ClipOverrides()))


def _draft(recipe: Mapping[str, Any]) -> int | None:
    """Returns after how many steps the clip of a file stops; None where the file holds the finished clip."""
    if DRAFT not in recipe:
        return None
    step, of, steps = recipe[DRAFT]["step"], recipe[DRAFT]["of"], recipe["clip"]["num_inference_steps"]
    if not (type(step) is int and type(of) is int and 1 <= step < of == steps):
        raise ValueError(f"draft: step {str(step)[:MAX_REASON]} of {str(of)[:MAX_REASON]}, of a clip of {steps} steps")
    return step


def _is_exporter_typed(overrides: ReplayOverrides) -> bool:
    return any(key == "exporter" or key.startswith("exporter.") for key in overrides.keys)


def _clip(recipe: Mapping[str, Any], moved: ClipOverrides) -> Clip:
    record = {name: value for name, value in recipe["clip"].items() if name != "contest"}
    _check_ranges(record)
    for name in ("image", "last_image", "video", "audio"):
        if name in record and record[name] != SILENT:
            record[name] = _absolute(getattr(moved, name) or record[name])
    if "images" in record:
        places = dict(found for one in moved.images or () if (found := parse(one)) is not None)
        record["images"] = [
            {**one, "image": _absolute(places.get(one["frame"], one["image"]))} for one in record["images"]
        ]
    return clip_of_record(record)


def _absolute(given: object) -> str:
    return os.path.abspath(expanded(str(given)))


def _check_ranges(record: Mapping[str, Any]) -> None:
    """Validates a clip, which may be a stranger's, against the limits of a user's own settings."""
    names = {field.name for field in fields(ClipOverrides)} - NOT_IN_RECIPES
    validate_as(ClipOverrides, {name: value for name, value in record.items() if name in names})
