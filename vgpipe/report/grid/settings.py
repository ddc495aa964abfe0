"""What sets a run apart from others: the overrides that it was started with, and the values of its config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vgpipe.report.build import read_config
from vgpipe.report.values import float_of, list_of, text_of
from vgpipe.store.run_folders import sweep_of
from vgpipe.store.rundir import RunDir

OTHER_MATTERS = ("run.", "store.", "notify.", "drawn_from", "defaults_from", "pick", "job_columns")
"""Beginnings of keys that say nothing of how a clip is made: when to stop, where files go, what is sent."""
MAX_KEY, MAX_VALUE, MAX_DEPTH = 200, 300, 8
BETWEEN = re.compile(r",(?=[A-Za-z_][\w./@-]*=)")
OVERRIDE = re.compile(r"\+{0,2}([A-Za-z_][\w./@-]*)=(.*)", re.DOTALL)
DIGEST = re.compile(r"-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What is known of how a run was started.

    Attributes:
        name: of its folder.
        parent: name of the folder around that.
        started_at: UNIX seconds; 0 where unknown.
        overrides: key -> value as typed; None where nothing tells.
        values: key of its config -> value, without those that say nothing of how a clip is made.
    """

    name: str
    parent: str
    started_at: float
    overrides: Mapping[str, str] | None
    values: Mapping[str, str]


def settings_of(run_dir: RunDir) -> RunSettings:
    """Returns how a run was started, as far as its files tell."""
    root = run_dir.root.resolve()
    starts = [event for event in run_dir.read_events() if event.get("event") == "run_started"]
    typed = next((list_of(event["overrides"]) for event in starts if event.get("overrides")), None)
    words = typed if typed is not None else _named_by_folder(run_dir)
    return RunSettings(
        name=root.name,
        parent=root.parent.name,
        started_at=next((at for event in starts if (at := float_of(event.get("time"))) is not None), 0.0),
        overrides=None if words is None else _overrides(words),
        values={key: value for key, value in leaves(read_config(run_dir)) if not key.startswith(OTHER_MATTERS)},
    )


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields each value of a config that is not null, with its dotted key.

    Args:
        values: of the config, unchecked.
        prefix: of the keys.
    """
    for key, below in values.items():
        name = f"{prefix}{key}"
        if isinstance(below, dict) and name.count(".") < MAX_DEPTH:
            yield from leaves(below, f"{name}.")
        elif below is not None:
            yield name[:MAX_KEY], (text_of(str(below)) or "")[:MAX_VALUE]


def _named_by_folder(run_dir: RunDir) -> list[str] | None:
    """Returns the overrides that the folder of a combination is named by; None where the name does not hold them all.

    Older versions recorded them nowhere else.
    """
    root = run_dir.root.resolve()
    words = BETWEEN.split(root.name)
    is_whole = all(map(OVERRIDE.fullmatch, words)) and not DIGEST.fullmatch(root.name[-9:])
    return words if sweep_of(root) is not None and is_whole else None


def _overrides(words: Sequence[object]) -> dict[str, str]:
    found = [match for word in words if isinstance(word, str) and (match := OVERRIDE.fullmatch(word))]
    pairs = {match[1]: _unquoted(match[2])[:MAX_VALUE] for match in found}
    return {key[:MAX_KEY]: value for key, value in pairs.items() if not key.startswith(OTHER_MATTERS)}


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value
