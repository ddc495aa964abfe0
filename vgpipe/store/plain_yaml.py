"""Reads YAML as plain values, with the C parser where PyYAML was built with it: ten times as fast, the same values."""

from __future__ import annotations

from typing import Any

import yaml

MAX_DEPTH, MAX_VALUES = 100, 200_000


def read_yaml(text: str) -> Any:
    """Returns the values of a YAML document; no tag makes anything else of them.

    Args:
        text: the document.

    Raises:
        yaml.YAMLError: where it is none, is nested too deep, or says by its aliases more than it holds.
        ValueError: where a number has too many digits.
    """
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    _require_small(text, loader)
    return yaml.load(text, Loader=loader)  # noqa: S506 (both are safe)


def _require_small(text: str, loader: Any) -> None:
    """Refuses what a parser follows to the end of the stack, or a program that walks the values to the end of time.

    An alias stands for its anchor again each time that it is walked, so it counts as many values as that.
    """
    sizes: dict[str | None, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]  # anchor of each node around, and its values so far
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            if isinstance(event, yaml.AliasEvent):
                anchor, size = None, sizes.get(event.anchor, MAX_VALUES)  # not there yet: it holds itself
            else:
                anchor, size = open_nodes.pop() if isinstance(event, yaml.CollectionEndEvent) else (event.anchor, 1)
            around, so_far = open_nodes.pop()
            sizes[anchor] = size
            open_nodes.append((around, so_far + size))
        if len(open_nodes) > MAX_DEPTH or open_nodes[-1][1] > MAX_VALUES:
            raise yaml.YAMLError("it is nested too deep, or its aliases stand for too many values")
