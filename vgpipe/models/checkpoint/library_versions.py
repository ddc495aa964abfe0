"""Components that a newer release of their library saved than the installed one."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

from vgpipe.errors import LoadError, ModelError
from vgpipe.models.checkpoint.checkpoint import Checkpoint

KEYS = {"transformers": "transformers_version", "diffusers": "_diffusers_version"}


def remedy_for_newer(checkpoint: Checkpoint, component: str) -> str:
    """Returns what else may help if a component that cannot be loaded was saved by a release newer than ours.

    Args:
        checkpoint: the model's files.
        component: its name in model_index.json.

    Returns:
        An addition to a remedy; empty where its release is not newer, or nothing says which it was.
    """
    from packaging.version import InvalidVersion, Version

    try:
        config = _config(checkpoint, component)
        for library, key in KEYS.items():
            have, saved = metadata.version(library), str(config.get(key) or "0")
            if Version(saved) > Version(have):
                return f"; or, as {library} {saved} saved it and {have} is installed: pip install -U {library}"
    except (ModelError, OSError, ValueError, InvalidVersion, metadata.PackageNotFoundError):
        pass  # damage is reported elsewhere, and a custom build may have any version
    return ""


def refuse_unread(checkpoint: Checkpoint, component: str) -> None:
    """Refuses a text encoder of which the installed transformers would silently ignore a setting.

    transformers 5 saves rotary positions as `rope_parameters`; 4 takes its defaults in their place.

    Args:
        checkpoint: the model's files.
        component: its name in model_index.json, a module.

    Raises:
        LoadError: naming both releases.
    """
    try:
        config, have = checkpoint.config(component), metadata.version("transformers")
    except (ModelError, metadata.PackageNotFoundError):
        return  # loading itself reports it
    if "rope_parameters" in config and int(have.partition(".")[0]) < 5:
        raise LoadError(
            f"{checkpoint.source(component).place}: transformers {config.get('transformers_version', '5')} saved "
            f"{component}, and {have} does not read its rope_parameters -> pip install -U transformers"
        )


def _config(checkpoint: Checkpoint, component: str) -> dict[str, Any]:
    path = checkpoint.source(component).place / "tokenizer_config.json"
    if not path.is_file():
        return checkpoint.config(component)
    # A tokenizer does not say which release saved it, but `backend` came with transformers 5.
    return {KEYS["transformers"]: "5.0"} if "backend" in json.loads(path.read_text("utf-8")) else {}
