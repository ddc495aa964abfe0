"""Which file drives which family."""

from __future__ import annotations

import importlib

from vgpipe.errors import ConfigError, Fault
from vgpipe.models.base import Family

FAMILIES = {"wan": "vgpipe.models.wan:WanFamily"}


def family(name: str) -> Family:
    """Returns the family called `name`; imports its file only now.

    Raises:
        ConfigError: for a name that no file drives.
    """
    if name not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise ConfigError(
            "the config is faulty; nothing was started",
            [Fault("model.family", f"{name!r} is not a known family", f"one of: {known}")],
        )
    module, attribute = FAMILIES[name].split(":")
    made: Family = getattr(importlib.import_module(module), attribute)()
    return made
