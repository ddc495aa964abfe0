"""Where a command line has its configs from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

CONFIG_MODULE, CONFIG_NAME = "vgpipe.conf", "config"


class Defaults(Enum):
    """What stands below the command line and above the options."""

    OWN = "the user's own file, where there is one"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where configs are looked up, as Hydra's flags say it.

    Attributes:
        config_dir: a folder with further groups and options (`--config-dir`); None for none.
        config_name: the root config (`--config-name`).
        config_path: a folder, or `pkg://module`, in the place of vgpipe's own configs (`--config-path`).
        defaults: whether the user's own file is composed as well.
    """

    config_dir: str | None = None
    config_name: str = CONFIG_NAME
    config_path: str = f"pkg://{CONFIG_MODULE}"
    defaults: Defaults = Defaults.OWN


BUILTIN = Sources()
