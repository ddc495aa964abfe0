"""Composes configs with Hydra's own loader, without its global state: from any thread, beside any other use of Hydra.

Written for Hydra 1.3, whose public `compose` needs a process-wide object and hands out no loader. What is used of
`hydra._internal` stands here and in hydra_app.py; `tests/config/test_composer.py` notices where it changes.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.default_element import ResultDefault
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vgpipe.config.joined_options import JOINED_GROUP, PLUS, join_options, joined_config
from vgpipe.config.resolvers import register_resolvers
from vgpipe.config.sources import Sources
from vgpipe.errors import ConfigError, Fault, VgpipeError

RESOLVING = threading.Lock()


class JoiningRepository(ConfigRepository):
    """Finds configs on the search path; makes those of joined options (`exporter/mp4+gif`) as they are asked for."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Loads a config, as Hydra does."""
        self._join(config_path)
        return super().load_config(config_path)

    def config_exists(self, config_path: str) -> bool:
        """Says whether there is such a config, as Hydra does."""
        self._join(config_path)
        return super().config_exists(config_path)

    def _join(self, config_path: str) -> None:
        joined = joined_config(config_path)
        if joined is not None:
            schema: Any = self.get_schema_source()  # a copy of Hydra's ConfigStore, no other has this option
            schema.store.store(group=JOINED_GROUP, name=joined[0], node=joined[1])


class Composer(ConfigLoaderImpl):
    """Hydra's loader, of which a launcher's worker gets a copy."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository = JoiningRepository(config_search_path)
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what a worker has no use for."""
        return {**self.__dict__, "_composed": {}}

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Composes a config, as Hydra does, with lists of exporters joined."""
        register_resolvers()  # a worker has none yet
        written = [join_options(override) for override in overrides]
        return super().load_configuration(config_name, written, run_mode, from_shell, validate_sweep_overrides)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Composes one combination of a sweep; once, although sweeper, check and launcher all ask for it."""
        key = tuple(sweep_overrides)
        if key not in self._composed:
            self._composed[key] = super().load_sweep_config(master_config, sweep_overrides)
        return copy.deepcopy(self._composed[key])

    def forget(self) -> None:
        """Drops the combinations that were composed."""
        self._composed.clear()

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        """Returns what may be chosen in a group: no bases of other options, no joined ones."""
        found = super().get_group_options(group_name, results_filter, config_name, overrides)
        return [name for name in found if not name.startswith("_") and PLUS not in name]

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Lets overrides set keys that the YAML leaves out: the schema knows which there are, and names those wrong."""
        composed = super()._compose_config_from_defaults_list(defaults, repo)
        for name, node in composed.items_ex(resolve=False):
            if name != "hydra" and isinstance(node, DictConfig):
                OmegaConf.set_struct(node, False)
        sweeper = composed.hydra.sweeper
        if sweeper.get("params", ...) is None and sweeper.get("search_space") is None:
            sweeper.params = {}  # OmegaConf cannot merge what is typed into a mapping that is null
            OmegaConf.set_struct(sweeper.params, False)
        return composed


def composer(sources: Sources) -> Composer:
    """Returns what composes configs from `sources`."""
    setup_globals()
    search_path = create_config_search_path(sources.config_path)
    if sources.config_dir is not None:
        folder = f"file://{os.path.abspath(sources.config_dir)}"
        search_path.prepend(provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema"))
    return Composer(search_path)


@contextmanager
def hydra_faults() -> Iterator[None]:
    """Raises what Hydra and OmegaConf find wrong as one message of vgpipe.

    Raises:
        ConfigError: in the place of their errors.
    """
    try:
        yield
    except (VgpipeError, OSError):
        raise
    except Exception as error:  # plugins raise anything, AssertionError and TypeError among them
        raise composition_error(error) from error


@contextmanager
def known_to_resolvers(composed: DictConfig) -> Iterator[None]:
    """Lets `${hydra:...}` find the `hydra` node of a config, unless Hydra is running something already."""
    hydra_config = HydraConfig.instance()  # one a process, so one thread at a time
    with RESOLVING:
        before = hydra_config.cfg
        is_ours = before is None and "hydra" in composed
        if is_ours:
            hydra_config.set_config(composed)
        try:
            yield
        finally:
            hydra_config.cfg = before
            if is_ours:
                OmegaConf.set_readonly(composed.hydra, False)  # as it was composed


def composition_error(error: Exception) -> ConfigError:
    """Returns an error of Hydra or OmegaConf as one message of vgpipe."""
    is_known = isinstance(error, HydraException | OmegaConfBaseException | yaml.YAMLError)
    told = " ".join(str(error).split()) if is_known else f"{type(error).__name__}: {' '.join(str(error).split())}"
    cause = f" ({' '.join(str(error.__cause__).split())})" if error.__cause__ else ""
    fault = Fault("config", f"cannot be composed: {told}{cause}")
    return ConfigError("invalid configuration", [fault])
