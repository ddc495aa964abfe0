"""Composes the Hydra groups into one checked, frozen `Config`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import yaml
from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vgpipe.config.fields import takes_any_key
from vgpipe.config.joined_options import join_options
from vgpipe.config.model_schema import OriginConfig
from vgpipe.config.overrides import parse_overrides, sweep_values
from vgpipe.config.resolvers import register_resolvers
from vgpipe.config.schema import Config, RunConfig, StoreConfig
from vgpipe.config.validate import validate_config
from vgpipe.errors import ConfigError, Fault

CONFIG_MODULE, CONFIG_NAME, HYDRA_VERSION_BASE = "vgpipe.conf", "config", "1.3"


RESUMABLE = ("run.until=", "run.budget=", "run.degrade=", "run.plan=")
KEPT = ("degrade", "plan", "sheet", "metadata", "objective")
Origin = TypeVar("Origin", bound=OriginConfig)
Limits = Callable[[RunConfig], RunConfig]


def combinations(overrides: Sequence[str], config_dir: str | None = None) -> list[list[str]]:
    """Expands sweeps (`quality=quick,standard`) into one override list per combination.

    Args:
        overrides: as typed after the command.
        config_dir: the user's own group folder, if any.

    Returns:
        At least one list; exactly one where nothing is swept.

    Raises:
        ConfigError: where an override cannot be read or names an unknown key or option.
    """
    axes = []
    for override in parse_overrides(overrides, config_dir):
        swept = override.is_sweep_override() and override.is_discrete_sweep()
        key = override.get_key_element()
        values = sweep_values(override, config_dir) if swept else []
        axes.append([f"{key}={value}" for value in values] if swept else [override.input_line or ""])
    return [list(combination) for combination in itertools.product(*axes)]


def fixed_keys(overrides: Sequence[str], config_dir: str | None = None) -> list[str]:
    """Returns the keys that are overridden but not swept."""
    return [
        found.get_key_element() for found in parse_overrides(overrides, config_dir) if not found.is_sweep_override()
    ]


def load(overrides: Sequence[str], config_dir: str | None = None) -> Config:
    """Composes and checks the config of one run.

    Args:
        overrides: `key=value` each, without sweeps.
        config_dir: the user's own group folder, if any.

    Returns:
        The frozen config, its store folder absolute.

    Raises:
        ConfigError: naming everything that is wrong.
    """
    sound, faults = _composable(overrides, config_dir)
    try:
        config = from_hydra(_compose(sound, config_dir))
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise ConfigError("invalid configuration", faults)
    return config


def _composable(overrides: Sequence[str], config_dir: str | None) -> tuple[list[str], list[Fault]]:
    """Returns the overrides that can be composed, and the faults of the others."""
    parse_overrides((), config_dir)
    sound: list[str] = []
    faults: list[Fault] = []
    for text in overrides:
        try:
            found = parse_overrides([text], config_dir)[0]
        except ConfigError as error:
            faults += error.faults
            continue
        if found.is_sweep_override():
            remedy = f"add -m to sweep, or quote it: '{found.key_or_group}=\"...\"'"
            faults.append(Fault(found.key_or_group, "has several values but this is no sweep", remedy))
        else:
            sound.append(text)
    return sound, faults


def _compose(overrides: Sequence[str], config_dir: str | None) -> DictConfig:
    register_resolvers()
    search = [f"hydra.searchpath=['file://{Path(config_dir).absolute()}']"] if config_dir else []
    try:
        with initialize_config_module(CONFIG_MODULE, version_base=HYDRA_VERSION_BASE):
            return compose(CONFIG_NAME, overrides=[*map(hydra_override, overrides), *search])
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise composition_error(error) from None


def hydra_override(override: str) -> str:
    """Returns an override in the form that Hydra needs: `++` adds keys that the chosen option's YAML may lack."""
    written = join_options(override)
    parts = tuple(written.partition("=")[0].split("."))
    is_optional = parts[0] in ("clip", "model", "quality") and len(parts) > 1  # the YAML may leave keys out
    return f"++{written}" if is_optional or takes_any_key(parts) else written


def from_hydra(composed: DictConfig) -> Config:
    """Validates Hydra's composed config and returns the record that the rest of the program uses.

    Args:
        composed: the root config; a `hydra` node in it is ignored.

    Returns:
        The frozen config, its store folder absolute.

    Raises:
        ConfigError: naming everything that is wrong.
    """
    bare = OmegaConf.create({key: value for key, value in composed.items_ex(resolve=False) if key != "hydra"})
    try:
        values = OmegaConf.to_container(bare, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise composition_error(error) from None
    return with_absolute_paths(validate_config(values))  # type: ignore[arg-type]


def with_absolute_paths(config: Config) -> Config:
    """Returns a config whose paths do not depend on the working directory, nor on `~`."""
    # A run is resumed from any working directory, so the paths it keeps cannot be relative.
    store = StoreConfig(dir=str(Path(config.store.dir).expanduser().absolute()))
    components = {name: _absolute(origin) for name, origin in config.model.components.items()}
    loras = tuple(_absolute(lora) for lora in config.model.loras)
    config = replace(config, model=replace(config.model, components=components, loras=loras))
    folder = Path(config.model.id).expanduser()
    is_folder = config.model.id and folder.is_dir()
    model = replace(config.model, id=str(folder.absolute())) if is_folder else config.model
    return replace(config, store=store, model=model)


def _absolute(origin: Origin) -> Origin:
    path = Path(origin.id).expanduser()
    return replace(origin, id=str(path.absolute())) if path.exists() else origin


def load_run_limits(overrides: Sequence[str]) -> Limits:
    """Checks the `run.*` overrides of a resumed run, the only ones it takes.

    Returns:
        A function from the saved `run` settings to those of this attempt: the time limits are dropped; `degrade`,
        `plan`, `sheet` and `metadata` are kept unless they are given again.

    Raises:
        ConfigError: for any other override, and for an invalid value.
    """
    others = [text for text in overrides if not text.startswith(RESUMABLE)]
    if others:
        may = f"only {', '.join(f'{name}...' for name in RESUMABLE)} may follow"
        fault = Fault(others[0][:80], "a resumed run keeps its settings", may)
        raise ConfigError("invalid command line", [fault])
    typed = load(overrides).run
    kept = [name for name in KEPT if not any(text.startswith(f"run.{name}=") for text in overrides)]

    def merge(saved: RunConfig) -> RunConfig:
        return replace(typed, **{name: getattr(saved, name) for name in kept})

    return merge


def composition_error(error: Exception) -> ConfigError:
    """Returns an error of Hydra or OmegaConf as one message of vgpipe."""
    key = re.search(r"Could not override '([^']+)'", str(error))
    if key:  # known to some option of the group, but not to the one that was chosen
        remedy = "choose the option that has it, or leave it out"
        fault = Fault(key[1], "the chosen option has no such key", remedy)
    else:
        cause = f" ({' '.join(str(error.__cause__).split())})" if error.__cause__ else ""
        fault = Fault("config", f"cannot be composed: {' '.join(str(error).split())}{cause}")
    return ConfigError("invalid configuration", [fault])
