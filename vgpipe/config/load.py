"""Composes the Hydra groups into one checked, frozen `Config`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import GrammarParseError, InterpolationResolutionError, OmegaConfBaseException

from vgpipe.config.composer import composer, hydra_faults, known_to_resolvers, task_overrides
from vgpipe.config.folders import folder_of
from vgpipe.config.kept_quality import with_kept_quality
from vgpipe.config.model_options import with_own_checkpoint
from vgpipe.config.model_schema import OriginConfig
from vgpipe.config.overrides import parse_overrides, quoting_remedy
from vgpipe.config.schema import Config
from vgpipe.config.sources import BUILTIN, Sources
from vgpipe.config.user_defaults import DEFAULTS_FROM, naming_file, with_on
from vgpipe.config.validate import validate_config
from vgpipe.errors import ConfigError, Fault, first_line
from vgpipe.job.picks_file import names_file, picks_in
from vgpipe.outside_file import expanded, local_path
from vgpipe.typed import as_typed

Origin = TypeVar("Origin", bound=OriginConfig)


def load(overrides: Sequence[str], sources: Sources = BUILTIN) -> Config:
    """Composes and checks the config of one run.

    Args:
        overrides: `key=value` each, without sweeps.
        sources: where configs are looked up.

    Returns:
        The frozen config, its store folder absolute.

    Raises:
        ConfigError: naming everything that is wrong.
    """
    return load_run(overrides, sources)[0]


def load_run(overrides: Sequence[str], sources: Sources = BUILTIN) -> tuple[Config, Path]:
    """Composes and checks the config of one run; returns it with the directory that Hydra would run it in.

    Args:
        overrides: as for `load`.
        sources: likewise.

    Raises:
        ConfigError: naming everything that is wrong.
    """
    composing = composer(sources)
    found, faults = parse_overrides(overrides, sources, composing)
    faults += map(sweep_fault, filter(Override.is_sweep_override, found))
    sound = [str(one.input_line) for one in found if not one.is_sweep_override()]
    try:
        with hydra_faults():
            composed = composing.load_configuration(sources.config_name, sound, RunMode.RUN)
        config = from_hydra(composed)
        with hydra_faults(), known_to_resolvers(composed):
            root = folder_of("hydra.run.dir", str(OmegaConf.select(composed, "hydra.run.dir")))
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise ConfigError("invalid configuration", faults)
    return config, root


def sweep_fault(override: Override) -> Fault:
    """Returns what is said of an override with several values where there is no sweep."""
    remedy = "add -m to sweep"
    if override.key_or_group == "job" and override.is_discrete_sweep():
        names = [str(one) for one in override.sweep_string_iterator()]
        remedy += f", or render all in one run: {as_typed('job', names)}"
    elif override.key_or_group not in Config.GROUPS:
        remedy += f", or {quoting_remedy(str(override.input_line))}"
    return Fault(override.key_or_group, "has several values but this is no sweep", remedy)


def from_hydra(composed: DictConfig) -> Config:
    """Validates Hydra's composed config and returns the record that the rest of the program uses.

    Args:
        composed: the root config; a `hydra` node in it is ignored, but other keys may refer to it.

    Returns:
        The frozen config, its store folder absolute.

    Raises:
        ConfigError: naming everything that is wrong.
    """
    with hydra_faults(), known_to_resolvers(composed):
        values = {str(key): with_on(_plain(composed, key)) for key in composed if key != "hydra"}
    pick = values.get("pick")
    if isinstance(pick, str) and names_file(pick):
        values["pick"] = list(picks_in(pick))  # a run keeps the picks: the file may be another one when it is resumed
    try:
        return with_kept_quality(with_absolute_paths(validate_config(values)))
    except ConfigError as error:
        typed = task_overrides(composed) if "hydra" in composed else ()
        raise naming_file(error, typed) if values.get(DEFAULTS_FROM) else error from None


def _plain(composed: DictConfig, key: Any) -> Any:
    value = composed[key]
    if not OmegaConf.is_config(value):
        return value
    try:
        return OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    except (InterpolationResolutionError, GrammarParseError) as error:
        raise ConfigError("invalid configuration", [_unresolved(composed, error)]) from error


def _unresolved(composed: DictConfig, error: OmegaConfBaseException) -> Fault:
    """Returns the fault of a `${...}` that refers to nothing; most often it was meant as text."""
    key, text = str(error.full_key), OmegaConf.to_container(composed, resolve=False)
    for name in key.split("."):
        text = text.get(name) if isinstance(text, dict) else None
    remedy = f"to keep it as text, type {as_typed(key, text)}" if isinstance(text, str) else "name a key that is there"
    return Fault(key, f"${{...}} in it cannot be resolved: {first_line(error)}", remedy)


def with_absolute_paths(config: Config) -> Config:
    """Returns a config whose paths do not depend on the working directory, nor on `~`.

    A `model.id` that names a weight file becomes `model.single_file`, beside the option's own checkpoint.
    """
    # A run is resumed from any working directory, so the paths it keeps cannot be relative.
    store = replace(config.store, dir=str(folder_of("store.dir", config.store.dir)))
    components = {name: _absolute(origin) for name, origin in config.model.components.items()}
    loras = tuple(_absolute(lora) for lora in config.model.loras)
    model = replace(with_own_checkpoint(config.model), components=components, loras=loras)
    return replace(
        config, store=store, model=replace(model, id=_absolute_path(model.id), single_file=_file(model.single_file))
    )


def _absolute(origin: Origin) -> Origin:
    return replace(origin, id=_absolute_path(origin.id))


def _absolute_path(given: str) -> str:
    path = expanded(local_path(given))
    return str(path.absolute()) if given and path.exists() else local_path(given)


def _file(given: str | None) -> str | None:
    return None if given is None else str(expanded(local_path(given)).absolute())
