"""What can be chosen, for menus: the options of a group."""

from __future__ import annotations

import os

from vgpipe.config.fields import nearest
from vgpipe.config.groups import options as options_of
from vgpipe.config.schema import Config
from vgpipe.errors import UsageError


def options(group: str, *, config_dir: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """Returns the options of a group, sorted: what `run(model=...)` and the others take.

    Args:
        group: `model`, `hardware`, `memory`, `quality`, `exporter` or `executor`.
        config_dir: a folder with groups and options of your own.

    Raises:
        UsageError: where there is no such group.
    """
    if group not in Config.GROUPS:
        raise UsageError(f"there is no group {group!r} -> {nearest(group, Config.GROUPS)}")
    return options_of(group, None if config_dir is None else os.fspath(config_dir))
