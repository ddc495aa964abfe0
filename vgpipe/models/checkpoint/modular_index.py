"""Reads the index of a modular pipeline, which says of each component where diffusers would take it from.

Nothing is ever taken from there: each component lies in the folder of its own name beside the index, and an index that
says anything else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.bounded_json import read_json

MODULAR_FILE = "modular_model_index.json"
DRIVEN = {"MiniMaxH3ModularPipeline": "minimax_h3"}
"""Modular pipeline -> the family that drives its blocks."""
PLACE, SUBFOLDER, CLASS = "pretrained_model_name_or_path", "subfolder", "type_hint"
REMEDY = "choose another checkpoint"


def is_driven(folder: Path) -> bool:
    """Returns whether a folder has the index of a modular pipeline that a family drives; False where it is damaged."""
    path = folder / MODULAR_FILE
    try:
        return path.is_file() and read_json(path).get("_class_name") in DRIVEN
    except ModelError:
        return False


def read_modular_index(folder: Path, name: str, repo_id: str | None) -> dict[str, Any]:
    """Returns what a model_index.json of the same checkpoint would say: component -> library and class.

    Components that an index may name and that are not there, such as the denoiser of another workflow, are left out.

    Args:
        folder: holds the index.
        name: of the checkpoint, for messages.
        repo_id: the hub repo that it is a snapshot of; None for a folder of the user's, which may be a copy of any.

    Raises:
        ModelError: where a component is in another place, or is not described as diffusers does.
    """
    content, where = read_json(folder / MODULAR_FILE), f"{name}/{MODULAR_FILE}"
    index: dict[str, Any] = {}
    places = {repo_id} if repo_id else set()
    for component, entry in content.items():
        if not isinstance(entry, list):
            index[component] = entry
            continue
        library, class_name, source = _described(component, entry, where)
        index[component] = [library, class_name]
        if source.get(PLACE) is not None:
            places.add(str(source[PLACE]))
        if source.get(SUBFOLDER) not in (component, "") or len(places) > 1:
            reason = f"{component} is in {source.get(PLACE)} / {source.get(SUBFOLDER)}"[:160]
            remedy = f"copy all of it into one folder, {component} into a folder of that name"
            raise ModelError(f"{where}: {reason}, and components are taken from beside the index alone -> {remedy}")
    return index


def _described(component: str, entry: list[Any], where: str) -> tuple[str, str, Mapping[str, Any]]:
    """Returns library, class and source of a component; the class of one that is not loaded yet is a hint."""
    match entry:
        case [library, class_name, dict(source)]:
            hinted = source.get(CLASS)
            match hinted if class_name is None else [library, class_name]:
                case [str(own), str(one)]:
                    return own, one, source
    raise ModelError(f"{where}: {component} is described as {repr(entry)[:80]}, in no way of diffusers -> {REMEDY}")
