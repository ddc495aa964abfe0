"""Reads YAML as plain values, with the C parser where PyYAML was built with it: ten times as fast, the same values."""

from __future__ import annotations

from typing import Any

import yaml

MAX_LINE, MAX_BRACKETS = 1000, 1000


def read_yaml(text: str) -> Any:
    """Returns the values of a YAML document; no tag makes anything else of them.

    Args:
        text: the document.

    Raises:
        yaml.YAMLError: where it is none.
        RecursionError: where it is nested too deep.
    """
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ and _is_shallow(text) else yaml.SafeLoader
    return yaml.load(text, Loader=loader)  # noqa: S506 (both are safe)


def _is_shallow(text: str) -> bool:
    """Says whether no value can be nested so deep that the C parser, which counts no levels, ends the process."""
    lines = text.splitlines()
    return max(map(len, lines), default=0) <= MAX_LINE and text.count("[") + text.count("{") <= MAX_BRACKETS
