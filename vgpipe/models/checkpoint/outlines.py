"""The files of conf/components: what ships with vgpipe about the checkpoints of its model options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.file_parts import Part, size_in

PACKAGE, FOLDER, SCHEMA = "vgpipe.conf", "components", 1
MERGED = ("index", "components")


def options_for(part: Part) -> tuple[str, ...]:
    """Returns the options of conf/model whose checkpoints have a component that a part of a file may be.

    Args:
        part: of a denoiser.

    Returns:
        Those of its size; where there is none, those of its kind.
    """
    of_kind = [(option, config) for option, entry, config in _components() if part.is_for(_class(entry))]
    of_size = [option for option, config in of_kind if not part.size.differs(size_in(config))]
    return tuple(dict.fromkeys(of_size or [option for option, _ in of_kind]))


def _class(entry: Any) -> str:
    return entry[1] if isinstance(entry, list) and isinstance(entry[1], str) else ""


def _components() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yields option, class entry and config of every component that is described."""
    for path in sorted((files(PACKAGE) / FOLDER).iterdir(), key=lambda one: one.name):
        option = path.name.removesuffix(".json")
        content = outline_of(option) or {}
        for name, described in content.get("components", {}).items():
            yield option, content["index"].get(name), described.get("config", {})


def outline_of(option: str) -> dict[str, Any] | None:
    """Returns a manifest file's content.

    Args:
        option: of conf/model. Where its weights differ from another option's in their values alone, its file names that
            (`same_as`) and has what is its own; what it has of the index and the components comes on top.

    Returns:
        The content, complete; None where there is no such file.

    Raises:
        ModelError: where the file is of another version of vgpipe.
    """
    path = files(PACKAGE) / FOLDER / f"{option}.json"
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if content["schema"] != SCHEMA:
        raise ModelError(f"{path}: is of schema {content['schema']}, and {SCHEMA} is needed -> install vgpipe again")
    like = content.pop("same_as", None)
    if like is None:
        return content
    whole = outline_of(like) or {}
    merged = {name: {**whole[name], **content.get(name, {})} for name in MERGED if name in whole}
    return {**whole, **content, **merged}
