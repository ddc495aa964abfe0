"""Options inside the lines of a text job, as kohya's scripts, musubi-tuner and A1111's web UI write them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from vgpipe.job.declared import SETTINGS
from vgpipe.job.faults import Faults, format_text, format_value
from vgpipe.job.reading.column_names import FOREIGN, OWN, SYNONYMS, normalised
from vgpipe.job.reading.nodes import Node, Scalar, Table
from vgpipe.job.reading.numbers import listed
from vgpipe.job.reading.yaml_scalars import resolve

SHORT = {
    "w": "width",
    "h": "height",
    "f": "num_frames",
    "d": "seed",
    "s": "num_inference_steps",
    "n": "negative_prompt",
    "g": "guidance_scale",
    "l": "guidance_scale",
    "i": "image",
    "ei": "last_image",
}
"""Option of one or two letters -> setting."""
SHORT_FOREIGN = {
    "fs": FOREIGN["flowshift"],
    "ss": FOREIGN["sampler"],
    "am": FOREIGN["lora"],
    "cn": FOREIGN["clipskip"],
    "ci": FOREIGN["clipskip"],
    "ar": FOREIGN["aspectratio"],
    "no": "use --n for a negative prompt",
    **dict.fromkeys(("v", "style", "stylize", "chaos", "niji", "restorefaces", "tiling"), FOREIGN["clipskip"]),
}
"""Option that no clip has a setting for -> what to use instead."""
_OPTION = re.compile(r"(?:^|(?<=\s))--(?P<name>[A-Za-z][\w-]*)(?:=|\s+|$)")
_QUOTED = re.compile(r"""(["'])(?P<text>.*)\1""", re.DOTALL)


def read_line(number: int, line: str, faults: Faults) -> Node:
    """Returns a line's prompt: a text, or a mapping where options follow the text or make up the line.

    Args:
        number: of the line.
        line: without blanks around it.
        faults: where faults and notes are recorded.
    """
    options = list(_options(line)) if "--" in line else []
    names = [name for name, _ in options if name]
    if not any(map(_is_known, names)):
        for name in names:
            faults.note(number, f"--{name} is no known option, and is read as part of the prompt")
        return Scalar(number, line, line)
    return _table(number, options, faults)


def _options(line: str) -> Iterator[tuple[str, str]]:
    """Yields name and value of what a line holds; the text before the first option has the name ""."""
    found = list(_OPTION.finditer(line))
    if not found:
        return
    if found[0].start() == 0:
        words = _shell_words(line)
        if words is not None:
            yield from words
            return
    if found[0].start():
        yield "", line[: found[0].start()].strip()
    ends = [*(match.start() for match in found[1:]), len(line)]
    for match, end in zip(found, ends, strict=True):
        value = line[match.end() : end].strip()
        quoted = _QUOTED.fullmatch(value)
        yield match["name"], quoted["text"] if quoted else value


def _shell_words(line: str) -> list[tuple[str, str]] | None:
    """Returns the options of a line that holds nothing else, read as a shell would; None where it could not."""
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    found: list[tuple[str, list[str]]] = []
    for word in words:
        match = re.fullmatch(r"--([A-Za-z][\w-]*)(?:=(.*))?", word, re.DOTALL)
        if match:
            found.append((match[1], [match[2]] if match[2] is not None else []))
        else:
            found[-1][1].append(word)
    return [(name, " ".join(values)) for name, values in found]


def _table(number: int, options: list[tuple[str, str]], faults: Faults) -> Table:
    pairs: list[tuple[Node, Node]] = []
    given: dict[str, tuple[str, str]] = {}
    for name, value in options:
        field = "prompt" if name == "" else _field(name)
        if field is None:
            _add_unread(number, name, value, faults)
        elif field in given and given[field][1] != value:
            first = given[field][0]
            what = f"both --{first} and --{name} set {field}" if first else f"--{name} follows another prompt"
            faults.add(number, what, "keep one of them")
        elif field not in given:
            given[field] = name, value
            pairs.append((Scalar(number, field, field), _value(number, field, value)))
    read = ", ".join(f"--{name} as {field}" for field, (name, _) in given.items() if name and name != field)
    if read:
        faults.note(number, f"options are read as settings: {read}")
    return Table(number, pairs)


def _value(number: int, field: str, value: str) -> Node:
    if field in SETTINGS and SETTINGS[field].is_list:
        return listed(number, value)
    is_text = field not in SETTINGS or SETTINGS[field].is_text
    return Scalar(number, value if is_text else resolve(value), value)


def _field(name: str) -> str | None:
    normal = normalised(name)
    return SHORT.get(name) or OWN.get(normal) or SYNONYMS.get(normal)


def _is_known(name: str) -> bool:
    return _field(name) is not None or _instead(name) is not None


def _instead(name: str) -> str | None:
    return SHORT_FOREIGN.get(normalised(name)) or FOREIGN.get(normalised(name))


def _add_unread(number: int, name: str, value: str, faults: Faults) -> None:
    instead = _instead(name)
    if instead is not None:
        faults.note(number, f"{format_text(f'--{name} {value}'.strip())} is not read: {instead}")
        return
    known = ", ".join(f"--{one}" for one in SHORT)
    remedy = f"use {known} or a setting's name; if it is part of the prompt, make it a .yaml job"
    faults.add(number, f"unknown option {format_value(f'--{name}')}", remedy)
