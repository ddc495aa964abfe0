"""Opens a checkpoint by its id: one inside vgpipe, a folder, or a repo of the hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from vgpipe.errors import ConfigError, Fault, ModelError
from vgpipe.hub.repo import HubRepo, fetch, is_hub_id, open_repo
from vgpipe.models.base import Lora
from vgpipe.models.checkpoint.checkpoint import Checkpoint, Source
from vgpipe.models.checkpoint.misplaced import explain_address, snapshot_of
from vgpipe.models.weights import loras
from vgpipe.outside_file import expanded, local_path
from vgpipe.store.file_hashes import FileHashes

EMBEDDED = "embedded:"
NAME = re.compile(r"[A-Za-z0-9_]+")
MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something is taken from.

    Attributes:
        id: `embedded:<name>`, a folder, or a repo of the hub; of a component or an adapter, also a file.
        revision: of a repo: branch, tag or commit; None is its main branch.
        subfolder: below that; "" for the thing itself.
        file: the single weight file below that; None for a folder of them. Of a whole model, a file anywhere whose
            parts take the place of components.
    """

    id: str
    revision: str | None = None
    subfolder: str = ""
    file: str | None = None


def open_checkpoint(
    origin: Origin, others: Mapping[str, Origin] | None = None, hashes: FileHashes | None = None
) -> Checkpoint:
    """Opens a checkpoint; of a repo, its small files are downloaded.

    Args:
        origin: where it is.
        others: component -> where it is taken from instead.
        hashes: remembers the SHA-256 of large files.

    Raises:
        ConfigError: where no id is given.
        ModelError: where there is none.
    """
    if not origin.id:
        remedy = "a folder or a repo of the hub: model.id=PATH, model.id=OWNER/NAME"
        fault = Fault("model.id", "is empty, and this model has none of its own", remedy)
        raise ConfigError("invalid configuration", [fault])
    if "://" in local_path(origin.id):
        raise ModelError(explain_address(origin.id))
    folder, repo = _place(origin)
    sources = {component: source_of(other) for component, other in (others or {}).items()}
    file = Path(origin.file) if origin.file else None
    return Checkpoint(folder, repo=repo, others=sources, hashes=hashes, file=file)


def open_lora(origin: Origin, weight: float, hashes: FileHashes, component: str | None = None) -> Lora:
    """Finds the one safetensors file of a LoRA, downloading it if need be.

    Args:
        origin: where it is; its `id` may be the file itself.
        weight: its strength.
        hashes: remembers the SHA-256 of large files.
        component: the one denoiser it is for; None is for all.

    Raises:
        ModelError: where there is none, or several and none is named.
    """
    path = expanded(local_path(origin.id))
    if origin.file is not None or not path.is_file():
        path = _lora_file(origin)
    if path.suffix != ".safetensors" or not path.is_file():
        raise ModelError(f"model.loras: {path} is not a safetensors file -> give one; pickled weights are not loaded")
    path = path.absolute()
    return Lora(path=str(path), weight=weight, sha256=hashes.sha256(path), component=component, marks=loras.marks(path))


def _lora_file(origin: Origin) -> Path:
    source = source_of(origin)
    found = [name for name in source.listing() if name.endswith(".safetensors")]
    if source.file:
        found = [name for name in found if name == source.file]
    if not found:
        raise ModelError(f"model.loras: {origin.id}: no safetensors file is there -> give a file, a folder or a repo")
    if len(found) != 1:
        reason = ", ".join(sorted(found)[:5])
        raise ModelError(f"model.loras: {origin.id} has not the one safetensors file ({reason}) -> add file: <name>")
    if source.repo is not None:
        fetch(source.repo, found, progress=None, should_stop=None)
    return source.folder / found[0]


def source_of(origin: Origin) -> Source:
    """Returns where the files of a component lie; of a repo, its small files are downloaded.

    Args:
        origin: where it is taken from; its `id` may be the file itself.

    Raises:
        ModelError: where there is no such repo.
    """
    path = expanded(local_path(origin.id))
    if origin.file is None and not origin.subfolder and path.is_file():  # the file itself
        origin = replace(origin, id=str(path.parent), file=path.name)
    folder, repo = _place(origin)
    file = f"{origin.subfolder}/{origin.file}" if origin.subfolder and origin.file else origin.file
    return Source(folder, origin.subfolder, repo, file)


def _repo(origin: Origin) -> HubRepo:
    try:
        return open_repo(origin.id, origin.revision)
    except ModelError as error:
        raise ModelError(f"{error} (and there is no folder {origin.id} here)") from None


def _place(origin: Origin) -> tuple[Path, HubRepo | None]:
    if origin.id.startswith(EMBEDDED):
        name = origin.id.removeprefix(EMBEDDED)
        if not NAME.fullmatch(name):
            raise ModelError(f"model.id: {origin.id[:MAX_SHOWN]!r} names no model inside vgpipe -> model=shapes")
        return Path(str(files("vgpipe") / "weights" / name)), None
    if is_hub_id(origin.id):
        repo = _repo(origin)
        return repo.folder, repo
    folder = expanded(local_path(origin.id)).absolute()
    return snapshot_of(folder) or folder, None
