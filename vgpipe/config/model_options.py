"""Reads one option of the group `model` without Hydra, which can only compose once per process while an app runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from vgpipe.config.groups import builtin_conf, options
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.validate import validate_as
from vgpipe.errors import ConfigError, Fault
from vgpipe.outside_file import expanded, local_path

GROUP, EMBEDDED = "model", "embedded:"
WEIGHT_FILES = (".safetensors", ".gguf")


def load_model(name: str) -> ModelConfig:
    """Returns one of the model options that ship with vgpipe.

    Args:
        name: of the option.

    Raises:
        ConfigError: where there is none of that name, or it is invalid.
    """
    known = options(GROUP, None)
    if name not in known:
        fault = Fault(
            "model.fallback", f"{name!r} is not a model that ships with vgpipe", f"one of: {', '.join(known)}"
        )
        raise ConfigError("invalid configuration", [fault])
    return validate_as(ModelConfig, _merged(builtin_conf() / GROUP, name))


def with_own_checkpoint(model: ModelConfig) -> ModelConfig:
    """Returns a model with a weight file in `id` as `single_file`, beside the option's own checkpoint.

    Args:
        model: as typed; unchanged where its option has no checkpoint of its own.
    """
    given = local_path(model.id)
    if not given.endswith(WEIGHT_FILES) or expanded(given).is_dir() or model.single_file is not None:
        return model
    own = load_model(model.name).id if model.name in options(GROUP, None) else ""
    return model if not own or own.startswith(EMBEDDED) else replace(model, id=own, single_file=given)


def _merged(folder: Path, name: str) -> dict[str, Any]:
    own = yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))
    merged: dict[str, Any] = {}
    for base in own.pop("defaults", ["_self_"]):
        merged = {**merged, **(own if base == "_self_" else _merged(folder, base))}
    return merged
