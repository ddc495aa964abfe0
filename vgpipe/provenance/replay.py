"""From the recipe in a file to the config and clip that make it again. It may be anybody's: all is checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vgpipe.clips.clip_state import clip_of_record
from vgpipe.config.arguments import CONFIG_DIR_FLAGS, split
from vgpipe.config.exporter_schema import AnyExporter, ExporterConfig
from vgpipe.config.load import load, with_absolute_paths
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.schema import ClipOverrides, Config, MemoryConfig
from vgpipe.config.validate import validated_as
from vgpipe.errors import ConfigError, Fault, UsageError
from vgpipe.job.clip import Clip
from vgpipe.provenance.recipe import SCHEMA
from vgpipe.store.rundir import RunDir

MAY_FOLLOW = (
    *("hardware", "hardware.", "executor", "executor.", "exporter", "exporter.", "also.", "run.", "store."),
    *("memory.strategy", "memory.stream", "model.id", "model.revision", "clip.image", "hydra.run.dir"),
)
"""What changes no latents, and where things lie by now."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed after a file.

    Attributes:
        config: composed of it.
        overrides: those among it.
        keys: what of the config was typed.
    """

    config: Config
    overrides: tuple[str, ...]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Again:
    """What makes a file again.

    Attributes:
        path: the file.
        recipe: what it says of itself, as it was read.
        config: the whole config.
        clip: its clip.
    """

    path: Path
    recipe: Mapping[str, Any]
    config: Config
    clip: Clip


def typed_after(words: Sequence[str] = ()) -> Typed:
    """Composes what was typed after a file.

    Args:
        words: overrides, and `--config-dir DIR`, as typed.

    Raises:
        UsageError: for any other flag.
        ConfigError: where an override would make another clip than the one in the file, or is faulty.
    """
    options = split(words)
    flags = [flag for flag in options.flags if flag != options.config_dir]
    unknown = [flag for flag in flags if flag.partition("=")[0] not in CONFIG_DIR_FLAGS]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is no flag of this command -> --help")
    _refuse_changes(options.overrides)
    config = load(options.overrides, options.config_dir)
    return Typed(config, options.overrides, frozenset(text.partition("=")[0] for text in options.overrides))


def read_again(path: Path, typed: Typed) -> Again:
    """Reads the recipe of a file.

    Args:
        path: a video, an image, or a folder of frames.
        typed: what was typed after it.

    Raises:
        UsageError: where there is no such file, no recipe in it, or one that cannot be followed.
    """
    recipe = read(path)
    try:
        config = _with_recipe(typed, recipe)
        clip = _clip(recipe, typed.config.clip.image)
    except UsageError as error:
        raise UsageError(f"the recipe in {path} cannot be followed", error.faults) from error
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"the recipe in {path} cannot be followed: {error}") from error
    return Again(path, recipe, config, clip)


def first_files(run_dir: RunDir) -> list[Path]:
    """Returns the first file of each clip of a run that has one; every file of a clip tells its latents."""
    files = [record.get("files") for record in run_dir.read_clips(warn=False)]
    return [run_dir.root / str(next(iter(one.values()))) for one in files if isinstance(one, dict) and one]


def read(path: Path) -> dict[str, Any]:
    """Returns the recipe of a file, as it stands there.

    Raises:
        UsageError: where there is none that this vgpipe understands.
    """
    from vgpipe.exporters.reading import read_recipe

    try:
        recipe = read_recipe(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    if recipe["vgpipe"] > SCHEMA:
        raise UsageError(f"{path} was made by a newer vgpipe (recipe {recipe['vgpipe']}) -> pip install -U vgpipe")
    if "too_large" in recipe:
        raise UsageError(f"{path}: its recipe was too large to be kept in a file")
    return recipe


def _refuse_changes(overrides: Sequence[str]) -> None:
    keys = [text.partition("=")[0].lstrip("+~") for text in overrides]
    others = [key for key in keys if key not in MAY_FOLLOW and not _is_below(key)]
    if others:
        names = dict.fromkeys(name.rstrip(".") for name in MAY_FOLLOW)
        may = f"{', '.join(names)} may follow; to change the clip, render it anew"
        faults = [Fault(key[:80], "would make another clip than the one in the file", may) for key in others]
        raise ConfigError("invalid command line", faults)


def _is_below(key: str) -> bool:
    return key.startswith(tuple(name for name in MAY_FOLLOW if name.endswith(".")))


def _with_recipe(typed: Typed, recipe: Mapping[str, Any]) -> Config:
    config = typed.config
    model: ModelConfig = validated_as(ModelConfig, recipe["model"])
    moved = {name: getattr(config.model, name) for name in ("id", "revision") if f"model.{name}" in typed.keys}
    asked: MemoryConfig = validated_as(MemoryConfig, recipe["memory"])
    memory = replace(asked, strategy=config.memory.strategy, stream=config.memory.stream)
    wanted: AnyExporter = config.exporter
    if not any(key == "exporter" or key.startswith("exporter.") for key in typed.keys):
        wanted = validated_as(ExporterConfig, recipe["exporter"])  # type: ignore[arg-type] # an annotated union
    found = replace(config, model=replace(model, **moved), memory=memory, exporter=wanted)
    return with_absolute_paths(replace(found, job=None, pick=(), clip=ClipOverrides()))


def _clip(recipe: Mapping[str, Any], image: str | None) -> Clip:
    record = dict(recipe["clip"])
    _check_ranges(record)
    if "image" in record:
        record["image"] = os.path.abspath(Path(image or str(record["image"])).expanduser())
    return clip_of_record(record)


def _check_ranges(record: Mapping[str, Any]) -> None:
    """Holds a stranger's clip to the limits that a user's own has."""
    names = set(ClipOverrides.__annotations__) - {"image", "continuation", "match_color"}
    validated_as(ClipOverrides, {name: value for name, value in record.items() if name in names})
