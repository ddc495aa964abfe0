"""Finds configs on Hydra's search path, and makes those that no file holds."""

from __future__ import annotations

from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigSource

from vgpipe.config import kept_options
from vgpipe.config.joined_options import JOINED_GROUP, joined_config
from vgpipe.config.user_defaults import DEFAULTS_FROM, USER_DEFAULTS, UserDefaults


class MakingRepository(ConfigRepository):
    """Hydra's repository, with options that no file holds (`exporter/mp4+gif`, `quality/85%`) and the user's defaults.

    Args:
        config_search_path: where configs are looked up.
        defaults: the user's own; None for none.
    """

    def __init__(self, config_search_path: ConfigSearchPath, defaults: UserDefaults | None) -> None:
        self._defaults = defaults
        super().__init__(config_search_path)

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
