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
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.default_element import ResultDefault
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vgpipe.config.joined_options import PLUS
from vgpipe.config.repository import MakingRepository
from vgpipe.config.resolvers import register_resolvers
from vgpipe.config.sources import Defaults, Sources
from vgpipe.config.typed_overrides import as_composed
from vgpipe.config.user_defaults import USER_DEFAULTS, UserDefaults, defaults_path, read_user_defaults
from vgpipe.errors import ConfigError, Fault, VgpipeError

NO_GROUPS = ("components", "frontiers")
"""Folders of conf/ whose files are no options: facts about checkpoints, and what settings were measured to keep."""
ONE_AT_A_TIME = threading.Lock()
MOST_CHOICES = 64
"""Choices of options that are kept merged, half a megabyte each."""
_MERGED: dict[tuple[Any, ...], DictConfig] = {}


class Composer(ConfigLoaderImpl):
    """Hydra's loader, of which a launcher's worker gets a copy."""

    def __init__(self, config_search_path: ConfigSearchPath, defaults: UserDefaults | None) -> None:
        super().__init__(config_search_path)
        self.repository = MakingRepository(config_search_path, defaults)
        self.defaults = defaults
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
        """Composes a config, as Hydra does, with lists of exporters joined and Hydra's groups as the user prefers."""
        register_resolvers()  # a worker has none yet
        written = [*self._preferred(overrides), *map(as_composed, overrides)]
        return super().load_configuration(config_name, written, run_mode, from_shell, validate_sweep_overrides)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Composes one combination of a sweep; once, although sweeper, check and launcher all ask for it."""
        key = tuple(sweep_overrides)
        if key not in self._composed:
            self._composed[key] = super().load_sweep_config(master_config, sweep_overrides)
        return copy.deepcopy(self._composed[key])

    def _preferred(self, overrides: list[str]) -> list[str]:
        """Returns the user's choices of Hydra's own groups, but for those that were typed."""
        choices = self.defaults.choices if self.defaults is not None else {}
        typed = {override.partition("=")[0] for override in overrides}
        return [f"{group}={option}" for group, option in choices.items() if "/" in group and group not in typed]

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
        return [name for name in found if not name.startswith("_") and PLUS not in name and name not in NO_GROUPS]

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merges the chosen options; a choice whose files are unchanged is merged once, which is half of composing."""
        choice = _choice(defaults, repo)
        if choice is None:
            return self._merged(defaults, repo)
        if choice not in _MERGED:
            if len(_MERGED) >= MOST_CHOICES:
                _MERGED.clear()
            _MERGED[choice] = self._merged(defaults, repo)
        return copy.deepcopy(_MERGED[choice])  # overrides change it

    def _merged(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
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


def _choice(defaults: list[ResultDefault], repo: IConfigRepository) -> tuple[Any, ...] | None:
    """Returns what is merged, with the versions of its files; None where these are not known."""
    repository = repo.delegate if isinstance(repo, CachingConfigRepository) else repo
    if not isinstance(repository, MakingRepository):
        return None
    versions = [repository.version_of(str(one.config_path)) for one in defaults]
    if None in versions:
        return None
    chosen = [(one.config_path, one.package, one.is_self, one.primary) for one in defaults]
    return tuple(zip(chosen, versions, strict=True))


def composer(sources: Sources) -> Composer:
    """Returns what composes configs from `sources`.

    Raises:
        ConfigError: where the user's own defaults cannot be read.
    """
    setup_globals()
    with ONE_AT_A_TIME:  # the first call looks for Hydra's plugins
        search_path = create_config_search_path(sources.config_path)
    if sources.config_dir is not None:
        folder = f"file://{os.path.abspath(sources.config_dir)}"
        search_path.prepend(provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema"))
    return Composer(search_path, read_user_defaults() if sources.defaults is Defaults.OWN else None)


@contextmanager
def hydra_faults() -> Iterator[None]:
    """Raises what Hydra and OmegaConf find wrong as one message of vgpipe.

    Raises:
        ConfigError: in the place of their errors.
    """
    try:
        yield
    except HydraException as error:  # some are an OSError as well
        raise composition_error(error) from error
    except (VgpipeError, OSError):
        raise
    except Exception as error:  # plugins raise anything, AssertionError and TypeError among them
        raise composition_error(error) from error


@contextmanager
def known_to_resolvers(composed: DictConfig) -> Iterator[None]:
    """Lets `${hydra:...}` find the `hydra` node of a config, unless Hydra is running something already."""
    hydra_config = HydraConfig.instance()  # one a process, so one thread at a time
    with ONE_AT_A_TIME:
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


def task_overrides(config: DictConfig) -> tuple[str, ...]:
    """Returns the overrides that a config was composed with, as typed: `${...}` in them stays as it is."""
    typed: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    return tuple(map(str, typed))


def composition_error(error: Exception) -> ConfigError:
    """Returns an error of Hydra or OmegaConf as one message of vgpipe."""
    is_known = isinstance(error, HydraException | OmegaConfBaseException | yaml.YAMLError)
    told = _one_line(error) if is_known else f"{type(error).__name__}: {_one_line(error)}"
    cause = f" ({_one_line(error.__cause__)})" if error.__cause__ else ""
    remedy = r"to keep ${ as text, type \${ inside double quotes, inside single ones" if "${" in told else ""
    return ConfigError("invalid configuration", [Fault("config", f"cannot be composed: {told}{cause}", remedy)])


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).replace(f"'{USER_DEFAULTS}'", str(defaults_path()))
