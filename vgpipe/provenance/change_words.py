"""Puts an input that changed into a few words: which it is, what it was and what it is now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.typed import shown_path

DERIVED = ("piece ", "conditions ")
"""Inputs of the segments of a long clip that follow from others, and are named only where nothing else is."""
OF_COMPONENT = re.compile(r"(?P<what>precision|weights) of (?P<component>\w+) (?P<how>\S+ -> \S+)")
MAX_TEXT = 60
MAX_DIGEST = 12
NAMES = {"num_inference_steps": "steps", "num_frames": "frames", "family": "model.family"}


@dataclass(frozen=True, slots=True)
class Change:
    """An input that changed.

    Attributes:
        stage: the first one that it reaches.
        text: which it is, and from what to what where that can be said.
    """

    stage: str
    text: str


def in_few_words(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Returns changes in as few words as name them all: none twice, and none that follows from another.

    Args:
        changes: in the order of the stages.
    """
    found = list(_together(list(_once(changes))))
    causes = [change for change in found if not change.text.startswith(DERIVED)]
    return tuple(causes or found)


def _once(changes: Iterable[Change]) -> Iterator[Change]:
    """Yields each text with the first stage that has it: the precision of a model, say, reaches several."""
    seen = set[str]()
    for change in changes:
        if change.text not in seen:
            seen.add(change.text)
            yield change


def _together(changes: Sequence[Change]) -> Iterator[Change]:
    """Yields changes, those of several components from the same to the same as one."""
    found = [OF_COMPONENT.fullmatch(change.text) for change in changes]
    alike: dict[tuple[str, str], list[str]] = {}
    for match in found:
        if match is not None:
            alike.setdefault((match["what"], match["how"]), []).append(match["component"])
    for change, match in zip(changes, found, strict=True):
        names = alike.pop((match["what"], match["how"]), None) if match else None
        if match is None:
            yield change
        elif names:
            yield Change(change.stage, f"{match['what']} of {', '.join(names)} {match['how']}")


def shown(value: Any) -> str:
    """Returns a value as a sentence names it: a text in quotes, shortened."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, str):
        return str(value)[:MAX_TEXT]
    return f'"{value}"' if len(value) <= MAX_TEXT else f'"{value[:MAX_TEXT]}..."'


def arrow(name: str, old: Any, new: Any) -> str:
    """Returns `name old -> new`; plain words without quotes."""
    return f"{name} {_bare(old)} -> {_bare(new)}"


def _bare(value: Any) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[\w./+-]{1,60}", value) else shown(value)


def short(value: Any) -> str:
    """Returns a commit as people write it; anything else as `shown`."""
    is_commit = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{40,64}", value)
    return value[:MAX_DIGEST] if is_commit else _bare(value)


def place(model_id: str) -> str:
    """Returns a model's id as people type it."""
    return _bare(shown_path(Path(model_id)) if os.path.isabs(model_id) else model_id)


def export_words(exporter: str, path: tuple[str, ...], old: Any, new: Any) -> str:
    """Returns what changed in how a clip is exported.

    Args:
        exporter: its name.
        path: where the inputs of its key differ.
        old: what stands there of the earlier rendering.
        new: what would stand there.
    """
    match path:
        case ("exporter", "version"):
            return arrow(f"vgpipe's own {exporter} exporter: version", old, new)
        case ("exporter", *rest):
            return arrow(f"{exporter}.{'.'.join(rest)}", old, new)
        case ("recipe",) if old is None or new is None:
            return arrow("run.metadata", old is not None, new is not None)
        case _:
            return arrow(".".join(path), old, new)
