"""Which release of its library saved a component, and whether that is newer than the installed one."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint import Checkpoint

KEYS = {"transformers": "transformers_version", "diffusers": "_diffusers_version"}


def remedy_for_newer(checkpoint: Checkpoint, component: str) -> str:
    """Returns what else may help where a component that cannot be loaded was saved by a release newer than ours.

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
        pass  # what is damaged has been told of, and a build of one's own may be called anything
    return ""


def _config(checkpoint: Checkpoint, component: str) -> dict[str, Any]:
    path = checkpoint.source(component).place / "tokenizer_config.json"
    if not path.is_file():
        return checkpoint.config(component)
    # A tokenizer does not say which release saved it, but `backend` came with transformers 5.
    return {KEYS["transformers"]: "5.0"} if "backend" in json.loads(path.read_text("utf-8")) else {}
