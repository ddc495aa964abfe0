"""The command line that renders a clip again, quoted for a POSIX shell and for Hydra's grammar at once."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from importlib import resources
from typing import Any

import yaml

from vgpipe.job.resolving.picks import pick_name
from vgpipe.report.values import MAX_TEXT, float_of, int_of, list_of, table_of

PROGRAM = "python -m vgpipe"
BUNDLED = "vgpipe.conf"
NUMBERS = ("seed", "width", "height", "num_frames", "fps")
WORK = ("num_inference_steps", "guidance_scale")
"""The settings that a quality preset gives: a line with `quality=` leaves them out, since `clip.*` is stronger."""
PICKS = "PICKS"
MAX_EXPORTERS = 20
LONG_METHODS = ("image", "frames", "window", "native")
# A terminal would act on these while the line is pasted, quoted or not.
UNTYPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
FLAT = re.compile(r"[A-Za-z0-9_.:/@+-]+")


class CannotSay(Exception):
    """A clip that no command line describes; its text says why."""


def command_line(record: Mapping[str, Any], extra: tuple[str, ...] = (), quality: str | None = None) -> str:
    """Returns the line that renders a clip again.

    Args:
        record: the clip's line in clips.jsonl, as it was read.
        extra: overrides of the whole run, from `run_overrides`.
        quality: a preset to render it at, in place of the clip's own steps and guidance.

    Raises:
        CannotSay: where no line does; saying why.
    """
    words = overrides(record, with_work=quality is None)
    if quality is not None:
        words.append(f"quality={quality}")
    return " ".join([PROGRAM, *map(shell_quoted, [*words, *extra])])


def overrides(record: Mapping[str, Any], *, with_work: bool = True) -> list[str]:
    """Returns the overrides that describe a clip, as Hydra reads them.

    Args:
        record: the clip's line in clips.jsonl, as it was read.
        with_work: whether steps and guidance are among them.

    Raises:
        CannotSay: where they cannot; saying why.
    """
    if list_of(record.get("shots")):
        raise CannotSay("a clip of several shots needs its job file")
    words = [f"clip.prompt={_text(record, 'prompt')}", f"clip.negative_prompt={_text(record, 'negative_prompt')}"]
    words += [_number(record, name) for name in (*NUMBERS, *(WORK if with_work else ()))]
    if record.get("image") is not None:
        words.append(f"clip.image={_text(record, 'image')}")
    words += _continuation(record, with_work=with_work)
    return [*words, f"model={_model(record)}"]


def pick_line(config: Mapping[str, Any], quality: str) -> str | None:
    """Returns the line that renders picked clips of a run's job again, with `PICKS` for what they are picked by.

    Args:
        config: the run's config.yaml; whatever it holds.
        quality: a preset to render them at.

    Returns:
        None where the run had no job, or one that no line can name.
    """
    job, model, typed = config.get("job"), table_of(config.get("model")).get("name"), table_of(config.get("clip"))
    if not isinstance(job, str) or UNTYPABLE.search(job) or not isinstance(model, str) or not NAME.fullmatch(model):
        return None
    try:
        forced = [_forced(name, value) for name, value in typed.items() if value is not None and name not in WORK]
    except CannotSay:
        return None
    words = [f"job={quoted(job)}", f"model={model}", *run_overrides(config), *forced]
    return " ".join([PROGRAM, *map(shell_quoted, words), f"'pick=[{PICKS}]'", f"quality={quality}"])


def pick_of(record: Mapping[str, Any]) -> str | None:
    """Returns what a clip is picked by; None where its record does not say enough."""
    texts = [record.get(name) for name in ("prompt", "negative_prompt")]
    seed, image = int_of(record.get("seed")), record.get("image_sha256")
    shots = [table_of(shot).get("prompt") for shot in list_of(record.get("shots"))]
    if seed is None or not all(isinstance(text, str) for text in (*texts, *shots, image or "")):
        return None
    return pick_name(str(texts[0]), str(texts[1]), seed, image, [str(shot) for shot in shots])


def _forced(name: str, value: object) -> str:
    if not FLAT.fullmatch(name) or not isinstance(value, str | int | float) or UNTYPABLE.search(str(value)):
        raise CannotSay(f"clip.{name}")
    return f"clip.{name}={quoted(value) if isinstance(value, str) else json.dumps(value)}"


def run_overrides(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the overrides of a whole run that its clips' records lack: another checkpoint, another exporter.

    Args:
        config: the run's config.yaml; whatever it holds.
    """
    model, exporters = table_of(config.get("model")), _exporters(config)
    known = _bundled_model(model.get("name"))
    words = [f"model.{key}={quoted(str(model[key]))}" for key in ("id", "revision") if _differs(model, known, key)]
    if exporters not in ([], ["mp4"]):
        words.append(f"exporter={'+'.join(exporters)}")
    return tuple(words)


def _exporters(config: Mapping[str, Any]) -> list[str]:
    """Returns the names of a run's exporters that can be typed, the first one's first; empty without that."""
    first = table_of(config.get("exporter")).get("name")
    if not isinstance(first, str) or not NAME.fullmatch(first):
        return []
    others = list(table_of(config.get("also")))[:MAX_EXPORTERS]
    return [first, *(name for name in others if isinstance(name, str) and NAME.fullmatch(name))]


def quoted(text: str) -> str:
    """Returns a text as a double-quoted value of Hydra's grammar, in which OmegaConf finds no interpolation."""
    text = re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + r"\${", text)
    # Hydra reads backslashes in pairs only where a quote follows them.
    text = re.sub(r'(\\*)"', lambda match: match[1] * 2 + r"\"", text)
    text = re.sub(r"\\+\Z", lambda match: match[0] * 2, text)
    return f'"{text}"'


def shell_quoted(word: str) -> str:
    """Returns an override as one word of a POSIX shell; quotes stand around the value alone where it needs them."""
    key, equals, value = word.partition("=")
    return f"{key}={shlex.quote(value)}" if equals and FLAT.fullmatch(key) else shlex.quote(word)


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise CannotSay(f"its record has no {name}")
    if len(value) > MAX_TEXT:
        raise CannotSay(f"its {name} is too long for a command line")
    if UNTYPABLE.search(value):
        raise CannotSay(f"its {name} holds control characters, which need a job file")
    if value == "???":  # OmegaConf's word for a value that is missing
        raise CannotSay(f"its {name} is ???, which needs a job file")
    return quoted(value)


def _number(record: Mapping[str, Any], name: str) -> str:
    reads = float_of if name in ("fps", "guidance_scale") else int_of
    value = reads(record.get(name))
    if value is None:
        raise CannotSay(f"its record has no {name}")
    return f"clip.{name}={value!r}"


def _model(record: Mapping[str, Any]) -> str:
    model = record.get("model")
    if not isinstance(model, str) or not NAME.fullmatch(model):
        raise CannotSay("its record has no model")
    return model


def _continuation(record: Mapping[str, Any], *, with_work: bool) -> list[str]:
    told = record.get("continuation")
    if told is None:
        return []
    method, frames = table_of(told).get("method"), int_of(table_of(told).get("segment_num_frames"))
    steps, color = int_of(table_of(told).get("num_inference_steps")), table_of(told).get("match_color")
    if method not in LONG_METHODS or frames is None or steps is None or not isinstance(color, bool):
        raise CannotSay("its record does not say how its segments are made")
    words = [f"clip.continuation={method}", f"clip.segment_num_frames={frames}"]
    work = [f"clip.segment_num_inference_steps={steps}", f"clip.match_color={str(color).lower()}"]
    return words + (work if with_work else [])


def _differs(model: Mapping[str, Any], known: Mapping[str, Any], key: str) -> bool:
    value = model.get(key)
    is_sayable = isinstance(value, str) and value not in ("", "???") and not UNTYPABLE.search(value)
    return is_sayable and value != known.get(key)


def _bundled_model(name: object) -> Mapping[str, Any]:
    """Returns the option of `conf/model` that ships with the package; empty for one of the user's own."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return {}
    try:
        return table_of(yaml.safe_load((resources.files(BUNDLED) / "model" / f"{name}.yaml").read_text("utf-8")))
    except (OSError, ModuleNotFoundError, yaml.YAMLError):
        return {}
