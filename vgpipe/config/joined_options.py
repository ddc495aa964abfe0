"""Several options of one group at once: `exporter=mp4+gif`, or `exporter=[mp4,gif]`."""

from __future__ import annotations

import re
from typing import Any

JOINED_GROUP, OTHERS, PLUS = "exporter", "also", "+"
"""The group that takes several, the key under which all but the first stand, and what joins their names."""
LIST = re.compile(r"\[([^\[\]]*)\]")


def join_options(override: str) -> str:
    """Returns an override that gives the group lists as one that joins their options, any other as it is."""
    key, equals, value = override.partition("=")
    if key.strip() != JOINED_GROUP or not equals:
        return override
    return f"{JOINED_GROUP}={LIST.sub(lambda found: PLUS.join(map(str.strip, found[1].split(','))), value)}"


def split_options(group: str, choice: str) -> list[str]:
    """Returns the options that a choice joins; of other groups the choice itself."""
    return choice.split(PLUS) if group == JOINED_GROUP else [choice]


def joined_config(config_path: str) -> tuple[str, dict[str, list[Any]]] | None:
    """Returns the option and the config of a path that joins several (`exporter/mp4+gif`), None for any other path.

    Hydra composes the first as usual, the others under `also`.
    """
    group, _, choice = config_path.partition("/")
    first, *others = split_options(group, choice)
    also = [{f"/{JOINED_GROUP}@_global_.{OTHERS}.{name}": name} for name in others]
    return (choice, {"defaults": [first, *also]}) if others else None
