"""Options of the group `quality` that no file holds: `quality=85%`, the cheapest setting that keeps so much."""

from __future__ import annotations

import re

GROUP, KEY = "quality", "keep"
SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)%")
ALLOWED = "or a share of what the full run adds, from 1% to 100%, such as 85% (docs/quality.md)"


def share_of(group: str, choice: str) -> float | None:
    """Returns the share that an option names, above 0 and up to 1; None for every other option."""
    found = SHARE.fullmatch(choice) if group == GROUP else None
    share = float(found[1]) / 100 if found else 0.0
    return share if 0.01 <= share <= 1 else None


def share_config(config_path: str) -> tuple[str, dict[str, float]] | None:
    """Returns the option and the config of a path that names a share (`quality/85%`), None for any other path."""
    group, _, choice = config_path.partition("/")
    share = share_of(group, choice)
    return None if share is None else (choice, {KEY: share})
