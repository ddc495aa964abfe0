"""Finds configs on Hydra's search path, and makes those that no file holds."""

from __future__ import annotations

import copy
from importlib import resources
from pathlib import Path
from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource

from vgpipe.config import kept_options
from vgpipe.config.joined_options import JOINED_GROUP, joined_config
from vgpipe.config.user_defaults import DEFAULTS_FROM, USER_DEFAULTS, UserDefaults

SHIPPED = "pkg"
"""The scheme of configs that are part of a package, as are those of vgpipe and Hydra."""

IN_MEMORY = "structured"
"""The scheme of configs that are classes; Hydra and its plugins have some."""

_read: dict[tuple[str, str, str], tuple[tuple[int, int], ConfigResult]] = {}
"""(provider, package, config) -> (change time and size of the file, what was read); for every composing."""


class MakingRepository(ConfigRepository):
    """Hydra's repository, with options that no file holds (`exporter/mp4+gif`, `quality/85%`) and the user's defaults.

    Args:
        config_search_path: where configs are looked up.
        defaults: the user's own; None for none.
    """

    def __init__(self, config_search_path: ConfigSearchPath, defaults: UserDefaults | None) -> None:
        self._defaults = defaults
        super().__init__(config_search_path)

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Reads a config; one of a package once, until its file changes: reading is a quarter of composing."""
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None or source.scheme() != SHIPPED:
            return super().load_config(config_path)
        key, version = (source.provider, source.path, config_path), _version(source, config_path)
        if version is None or key not in _read or _read[key][0] != version:
            found = super().load_config(config_path)
            if version is None or found is None:
                return found
            _read[key] = version, found
        return copy.deepcopy(_read[key][1])  # composing changes what it gets

    def version_of(self, config_path: str) -> tuple[Any, ...] | None:
        """Returns what changes with a config; None where only reading it tells."""
        if self._made(config_path) is not None:
            return None
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None:
            return None
        if source.scheme() == SHIPPED:
            version = _version(source, config_path)
            return None if version is None else (source.provider, source.path, *version)
        is_of_hydra = source.scheme() == IN_MEMORY and config_path.startswith("hydra/")
        return (source.provider, config_path) if is_of_hydra else None

    def _find_object_source(self, config_path: str, object_type: ObjectType | None) -> ConfigSource | None:
        made = self._made(config_path)
        if made is None:
            return super()._find_object_source(config_path, object_type)
        group, name, node = made
        schema: Any = self.get_schema_source()  # a copy of Hydra's ConfigStore, no other has this config
        schema.store.store(group=group, name=name, node=node)
        return schema

    def _made(self, config_path: str) -> tuple[str | None, str, dict[str, Any]] | None:
        if config_path == USER_DEFAULTS and self._defaults is not None:
            return None, USER_DEFAULTS, defaults_config(self._defaults)
        share = kept_options.share_config(config_path)
        if share is not None:
            return kept_options.GROUP, *share
        joined = joined_config(config_path)
        return (JOINED_GROUP, *joined) if joined is not None else None


def _version(source: ConfigSource, config_path: str) -> tuple[int, int] | None:
    """Returns what changes with a file of a package; None where it is no plain file."""
    try:
        file = resources.files(source.path).joinpath(source._normalize_file_name(config_path))
        known = Path(str(file)).stat()
    except (OSError, ImportError, ValueError, TypeError):
        return None
    return known.st_mtime_ns, known.st_size


def defaults_config(defaults: UserDefaults) -> dict[str, Any]:
    """Returns the user's defaults as a config of Hydra: choices are overrides of its defaults list."""
    settings = defaults.settings
    chosen = [
        {f"override /{group}": option}
        for group, option in defaults.choices.items()
        if "/" not in group  # conf/config.yaml overrides those of Hydra itself
    ]
    own = settings.pop("defaults", [])
    return {"defaults": [*own, *chosen], **settings, DEFAULTS_FROM: str(defaults.path)}
