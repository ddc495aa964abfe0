"""Reads one option of the group `model` without Hydra, which can only compose once per process while an app runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from vgpipe.config.groups import builtin_conf, options
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.validate import validate_as
from vgpipe.errors import ConfigError, Fault

GROUP = "model"


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


def _merged(folder: Path, name: str) -> dict[str, Any]:
    own = yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))
    merged: dict[str, Any] = {}
    for base in own.pop("defaults", ["_self_"]):
        merged = {**merged, **(own if base == "_self_" else _merged(folder, base))}
    return merged
