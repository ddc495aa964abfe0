"""Lists the options of each config group. Does not import Hydra, so that `--help` also works where it is broken."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from vgpipe.config.fields import children
from vgpipe.config.schema import Config


def builtin_conf() -> Path:
    """Returns the folder of the groups that ship with vgpipe."""
    import vgpipe.conf

    return Path(vgpipe.conf.__path__[0])


@cache
def options(group: str, config_dir: str | None) -> tuple[str, ...]:
    """Returns the names that may be chosen in `group`, the user's own included, sorted."""
    roots = [builtin_conf(), *([Path(config_dir)] if config_dir else [])]
    return tuple(sorted({path.stem for root in roots for path in (root / group).glob("[!_]*.yaml")}))


def group_table(config_dir: str | None = None) -> list[tuple[str, tuple[str, ...]]]:
    """Returns (group, options) for every group, in the schema's order."""
    return [(group, options(group, config_dir)) for group in Config.GROUPS if group in children(())]
