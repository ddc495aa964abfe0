"""The command line that re-renders a clip, quoted for a POSIX shell and for Hydra's grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from vgpipe.job.choices import as_literal
from vgpipe.job.declared import OF_CLIP, SETTINGS, ClipSetting, set_by
from vgpipe.job.placements import parse
from vgpipe.job.resolving.picks import others_given, pick_name
from vgpipe.job.settings import Placements, SetBy
from vgpipe.report.values import MAX_TEXT, float_of, int_of, list_of, table_of
from vgpipe.store.plain_yaml import read_yaml
from vgpipe.typed import hydra_value, quoted, shell_quoted

PROGRAM = "python -m vgpipe"
BUNDLED = "vgpipe.conf"
WORK = tuple(name for name in OF_CLIP if SetBy.QUALITY in SETTINGS[name].setting.set_by)
"""The settings that a quality preset gives: a line with `quality=` leaves them out, since `clip.*` is stronger."""
TYPED = set_by(SetBy.COMMAND_LINE)
"""The settings that a command line may give."""
TYPED_WORK = frozenset(one.name for one in TYPED if SetBy.QUALITY in one.setting.set_by)
PICKS = "PICKS"
MAX_EXPORTERS = 20
# A terminal acts on these when the line is pasted, even inside quotes.
UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
FLAT = re.compile(r"[A-Za-z0-9_.:/@+-]+")


class NoCommand(Exception):
    """No command line describes a clip; the text says why."""


def command_line(record: Mapping[str, Any], extra: tuple[str, ...] = (), quality: str | None = None) -> str:
    """Returns the command line that re-renders a clip.

    Args:
        record: the clip's line in clips.jsonl, unchecked.
        extra: overrides of the whole run, from `run_overrides`.
        quality: a preset that replaces the clip's own steps and guidance.

    Raises:
        NoCommand: where there is none.
    """
    return _line(_words(record), extra, quality)


def command_lines(record: Mapping[str, Any], extra: tuple[str, ...], quality: str) -> tuple[str, str]:
    """Returns the command line that re-renders a clip, and the one that does so at a quality preset.

    Args:
        record: the clip's line in clips.jsonl, unchecked.
        extra: overrides of the whole run, from `run_overrides`.
        quality: the preset, which replaces the clip's own steps and guidance.

    Raises:
        NoCommand: where there is none.
    """
    words = _words(record)
    return _line(words, extra), _line(words, extra, quality)


def _line(words: Mapping[str, str], extra: tuple[str, ...], quality: str | None = None) -> str:
    kept = words.values() if quality is None else [word for name, word in words.items() if name not in TYPED_WORK]
    preset = [] if quality is None else [f"quality={quality}", *_alone(quality)]
    return " ".join([PROGRAM, *kept, *map(shell_quoted, [*preset, *extra])])


@cache
def _alone(quality: str) -> tuple[str, ...]:
    """Returns what keeps a preset from having this clip compete with other seeds."""
    return ("clip.best_of=1",) if _bundled("quality", quality).get("best_of") else ()


def _words(record: Mapping[str, Any]) -> dict[str, str]:
    """Returns setting -> the override that describes it, in Hydra's grammar and quoted for the shell.

    Raises:
        NoCommand: where a setting cannot be typed.
    """
    if list_of(record.get("shots")):
        raise NoCommand("a clip of several shots needs its job file")
    typed = {one.name: shell_quoted(_typed(record, one)) for one in TYPED if _is_recorded(record, one)}
    return {**typed, "model": f"model={_model(record)}"}


def _is_recorded(record: Mapping[str, Any], declared: ClipSetting) -> bool:
    """Tells whether a clip's record has to hold a setting: not another spelling, nor one that it does without."""
    if declared.type == Placements:
        return bool(_placed(record))
    if declared.setting.recorded_as:
        return record.get(declared.setting.recorded_as[0]) is not None
    return declared.name in OF_CLIP and not (
        declared.is_optional and record.get(declared.name, declared.default) == declared.default
    )


def pick_line(config: Mapping[str, Any], quality: str) -> str | None:
    """Returns the command line that re-renders picked clips of a run's job, with `PICKS` in place of their names.

    Args:
        config: the content of the run's config.yaml, unchecked.
        quality: the preset to render them with.

    Returns:
        None where the run had no job, or its path cannot be typed.
    """
    job, model, typed = config.get("job"), table_of(config.get("model")).get("name"), table_of(config.get("clip"))
    jobs = [job] if isinstance(job, str) else list_of(job)
    if not jobs or any(not isinstance(one, str) or UNTYPABLE.search(one) for one in jobs):
        return None
    if not isinstance(model, str) or not NAME.fullmatch(model):
        return None
    try:
        forced = [_forced(name, value) for name, value in typed.items() if value is not None and name not in WORK]
    except NoCommand:
        return None
    columns = table_of(config.get("job_columns"))
    mapped = [f"job.columns={hydra_value(columns)}"] if columns else []
    drawn = [f"drawn_from={origin}"] if (origin := int_of(config.get("drawn_from"))) is not None else []
    words = [
        f"job={quoted(job) if isinstance(job, str) else hydra_value(jobs)}",
        *mapped,
        *drawn,
        f"model={model}",
        *run_overrides(config),
        *forced,
    ]
    return " ".join([PROGRAM, *map(shell_quoted, words), f"'pick=[{PICKS}]'", f"quality={quality}"])


def pick_of(record: Mapping[str, Any]) -> str | None:
    """Returns the name by which a clip is picked; None where its record is incomplete."""
    texts = [record.get(name) for name in ("prompt", "negative_prompt")]
    seed, image = int_of(record.get("seed")), record.get("image_sha256")
    shots = [table_of(shot).get("prompt") for shot in list_of(record.get("shots"))]
    if seed is None or not all(isinstance(text, str) for text in (*texts, *shots, image or "")):
        return None
    digests = [record.get(name) for name in ("last_image_sha256", "video_sha256")]
    last, video = (one if isinstance(one, str) else None for one in digests)
    placed = [(frame, sha256) for frame, _, sha256 in _placed(record)]
    audio = record.get("audio_sha256") or record.get("audio")
    sound = audio if isinstance(audio, str) else None
    others = others_given(last, placed, video, float_of(record.get("strength")), sound)
    return pick_name(str(texts[0]), str(texts[1]), seed, image, [str(shot) for shot in shots], others)


def _placed(record: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Returns frame, path and digest of each image at a frame of a clip's record; those that are none are left out."""
    found = [table_of(one) for one in list_of(record.get("images"))]
    facts = [(int_of(one.get("frame")), one.get("image"), one.get("image_sha256")) for one in found]
    return [
        (frame, path, sha256)
        for frame, path, sha256 in facts
        if frame is not None and isinstance(path, str) and isinstance(sha256, str)
    ]


def _forced(name: str, value: object) -> str:
    if name == "images":
        placed = [parse(one) for one in list_of(value) if isinstance(one, str) and not UNTYPABLE.search(one)]
        found = dict(one for one in placed if one is not None)
        if found and len(found) == len(list_of(value)):
            return f"clip.{name}={hydra_value({str(frame): path for frame, path in found.items()})}"
    if not FLAT.fullmatch(name) or not isinstance(value, str | int | float) or UNTYPABLE.search(str(value)):
        raise NoCommand(f"clip.{name}")
    return f"clip.{name}={quoted(value) if isinstance(value, str) else json.dumps(value)}"


def run_overrides(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the overrides of a run that its clips' records lack: another checkpoint, another exporter.

    Args:
        config: the content of the run's config.yaml, unchecked.
    """
    model, exporters = table_of(config.get("model")), _exporters(config)
    known = _bundled("model", model.get("name"))
    words = [f"model.{key}={quoted(str(model[key]))}" for key in ("id", "revision") if _differs(model, known, key)]
    if exporters not in ([], ["mp4"]):
        words.append(f"exporter={'+'.join(exporters)}")
    return tuple(words)


def _exporters(config: Mapping[str, Any]) -> list[str]:
    """Returns the names of a run's exporters that can be typed; empty where the first cannot."""
    first = table_of(config.get("exporter")).get("name")
    if not isinstance(first, str) or not NAME.fullmatch(first):
        return []
    others = list(table_of(config.get("also")))[:MAX_EXPORTERS]
    return [first, *(name for name in others if isinstance(name, str) and NAME.fullmatch(name))]


def _typed(record: Mapping[str, Any], declared: ClipSetting) -> str:
    """Returns the override that gives a setting the value of a clip's record."""
    if declared.type == Placements:
        placed = _placed(record)
        if any(UNTYPABLE.search(path) or len(path) > MAX_TEXT for _, path, _ in placed):
            raise NoCommand("an image has a path that cannot be typed")
        return f"clip.{declared.name}={hydra_value({str(frame): path for frame, path, _ in placed})}"
    *owners, name = declared.setting.recorded_as or (declared.name,)
    for owner in owners:
        record = table_of(record.get(owner))
    if declared.type is str:
        return f"clip.{declared.name}={_text(record, name)}"
    value = READERS.get(declared.type, _choice(declared))(record.get(name))
    if value is None:
        raise NoCommand(f"its record has no {declared.name}")
    return f"clip.{declared.name}={value if isinstance(value, str) else json.dumps(value)}"


def _bool_of(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


READERS: dict[Any, Callable[[object], object]] = {float: float_of, int: int_of, bool: _bool_of}


def _choice(declared: ClipSetting) -> Callable[[object], object]:
    return lambda value: value if value in declared.choices else None


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise NoCommand(f"its record has no {name}")
    if len(value) > MAX_TEXT:
        raise NoCommand(f"its {name} is too long for a command line")
    if UNTYPABLE.search(value):
        raise NoCommand(f"its {name} holds control characters, which need a job file")
    if value == "???":  # OmegaConf's word for a value that is missing
        raise NoCommand(f"its {name} is ???, which needs a job file")
    return quoted(as_literal(value))


def _model(record: Mapping[str, Any]) -> str:
    model = record.get("model")
    if not isinstance(model, str) or not NAME.fullmatch(model):
        raise NoCommand("its record has no model")
    return model


def _differs(model: Mapping[str, Any], known: Mapping[str, Any], key: str) -> bool:
    value = model.get(key)
    is_typable = isinstance(value, str) and value not in ("", "???") and not UNTYPABLE.search(value)
    return is_typable and value != known.get(key)


def _bundled(group: str, name: object) -> Mapping[str, Any]:
    """Returns an option of a config group that ships with the package; empty for one of the user's own."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return {}
    try:
        return table_of(read_yaml((resources.files(BUNDLED) / group / f"{name}.yaml").read_text("utf-8")))
    except (OSError, ModuleNotFoundError, yaml.YAMLError):
        return {}
