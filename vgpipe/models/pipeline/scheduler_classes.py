"""The scheduler classes of the installed diffusers; sources are read and not imported, so that a start is quick."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vgpipe.errors import ConfigError, Fault

EXPORTED = re.compile(r'"((?!Flax)\w+Scheduler)"')
HEAD = re.compile(r"^class (\w+Scheduler)\(SchedulerMixin\b", re.MULTILINE)
OF_ONE_MODEL = (
    "CogVideoX",
    "FlowMap",
    "Helios",
)  # what begins the names of schedulers that are made for one model alone
FLOW, FLOW_SETTING, BACKWARDS = "FlowMatch", "use_flow_sigmas", "Inverse"
KARRAS = re.compile(r"^    (\w+Scheduler) = \d+$", re.MULTILINE)


def refuse_unknown(name: str, own: str, config: Mapping[str, Any]) -> None:
    """Refuses a scheduler that diffusers does not have.

    Args:
        name: typed as `model.scheduler.name`.
        own: the checkpoint's own class.
        config: its settings, which say with it what fits.

    Raises:
        ConfigError: listing the schedulers that fit the model.
    """
    if name not in _exported():
        reason = f"{name!r} is no scheduler of the installed diffusers"
        fault = Fault("model.scheduler.name", reason, f"one of: {', '.join(fitting(own, config))}")
        raise ConfigError("invalid configuration", [fault])


def fitting(own: str, config: Mapping[str, Any]) -> list[str]:
    """Returns the schedulers that take steps of the kind that a model was trained for, sorted.

    Args:
        own: the class that its checkpoint names.
        config: the settings of that.
    """
    sources = _sources()
    alone = next((start for start in OF_ONE_MODEL if own.startswith(start)), None)
    if alone:
        return sorted(name for name in sources if name.startswith(alone))
    if own.startswith(FLOW) or config.get(FLOW_SETTING) or config.get("prediction_type") == "flow_prediction":
        flowing = {name for name, text in sources.items() if name.startswith(FLOW) or FLOW_SETTING in text}
        return sorted(name for name in {own, *flowing} if not name.startswith(OF_ONE_MODEL) and BACKWARDS not in name)
    return sorted({own, *KARRAS.findall((_folder() / "scheduling_utils.py").read_text("utf-8"))})


@functools.cache
def _exported() -> frozenset[str]:
    return frozenset(EXPORTED.findall((_folder() / "__init__.py").read_text("utf-8")))


def _sources() -> dict[str, str]:
    """Returns the text of the file that each scheduler is made in."""
    texts = [path.read_text("utf-8") for path in _folder().glob("*.py")]
    return {name: text for text in texts for name in HEAD.findall(text) if name in _exported()}


def _folder() -> Path:
    spec = importlib.util.find_spec("diffusers")
    return Path((spec.submodule_search_locations or [""])[0] if spec else "", "schedulers")
