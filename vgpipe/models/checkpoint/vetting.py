"""Refuses a checkpoint that could run code, read files outside its folder or take the machine; imports no library.

Only small files are read. `from_pretrained` follows whatever a folder's indexes and configs say, so they are read here
before it is called, and what they say of anything but this folder's safetensors files is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.hub.files import SMALL_LIMIT_BYTES
from vgpipe.models.checkpoint import config_limits
from vgpipe.models.checkpoint.allowed_classes import LIBRARIES, is_part_of_diffusers
from vgpipe.models.checkpoint.bounded_json import read_json
from vgpipe.models.checkpoint.safetensors_files import refuse_long_header
from vgpipe.typed import as_typed

INDEX_FILE = "model_index.json"
SHARDS = re.compile(r"\.index(\.[^./]+)?\.json$")
PLAIN_SHARD = re.compile(r"\w[\w.-]*\.safetensors")
VOCABULARIES = ("tokenizer.json", "vocab.json")  # large, and read as data alone
OTHER_WEIGHTS = "adapter_config.json"  # transformers loads the model that it names, wherever that is
CODE_SUFFIXES, CUSTOM_GENERATE = (".py", ".pyc", ".so"), "custom_generate"
REMEDY = "choose another checkpoint"


def vet_index(index: Mapping[str, Any], folder: Path, name: str, *, is_local: bool, file: str = INDEX_FILE) -> None:
    """Refuses a model_index.json that names code of its own.

    Args:
        index: its content.
        folder: that it lies in.
        name: of the checkpoint, for messages.
        is_local: whether the folder is one of the user's, and not a snapshot in the hub cache.
        file: that it was read from.

    Raises:
        ModelError: naming what is refused.
    """
    where = f"{name}/{file}"
    config_limits.refuse_code(index, where)
    pipeline = index.get("_class_name")
    if pipeline is not None and not (isinstance(pipeline, str) and pipeline.isidentifier()):
        raise ModelError(f"{where}: names no pipeline of diffusers, but {_short(pipeline)} -> {REMEDY}")
    for component, entry in index.items():
        if not component.isidentifier():
            raise ModelError(f"{where}: {_short(component)} is no name of a component -> {REMEDY}")
        match entry:
            case [str(library), str()]:
                _refuse_foreign(component, library, where)
            case [str(library), *_] if library in LIBRARIES:
                raise ModelError(f"{where}: {component} is not a library and a class, but {_short(entry)} -> {REMEDY}")
    if is_local:
        _refuse_python((path.name for path in folder.glob("*.py")), name)


def vet_component(folder: Path, names: Iterable[str], component: str, called: str) -> None:
    """Refuses the files of one component where they could do more than hold its weights and settings.

    Args:
        folder: the checkpoint's.
        names: the component's own files, relative to it; those that are not there yet are passed over.
        component: its name, for messages.
        called: the checkpoint, for messages.

    Raises:
        ModelError: naming the file.
    """
    listed = list(names)
    files = {Path(name).name for name in listed}
    present = [folder / name for name in listed if (folder / name).is_file()]
    code = [path.name for path in present if path.suffix in CODE_SUFFIXES]
    # Some releases of transformers run this one of a local folder without asking.
    code += [CUSTOM_GENERATE for parent in {path.parent for path in present} if (parent / CUSTOM_GENERATE).exists()]
    _refuse_python(code, f"{called}: {component}")
    for file in (INDEX_FILE, OTHER_WEIGHTS):
        if file in files:
            reason = f"its {component} holds {file}, which has another model loaded in its place"
            raise ModelError(f"{called}: {reason} -> {REMEDY}")
    root = folder.resolve()
    for path in present:
        _refuse_outside(path, root, component)
        _vet_file(path, component)


def _vet_file(path: Path, component: str) -> None:
    if path.suffix == ".safetensors":
        refuse_long_header(path, component)
    elif path.suffix == ".json" and path.name not in VOCABULARIES:
        content = read_json(path)
        if SHARDS.search(path.name):
            _refuse_foreign_shards(content, path)
        else:
            config_limits.refuse_code(content, str(path))
            config_limits.refuse_other_files(content, str(path))
            config_limits.refuse_extremes(content, str(path), path.name)
    elif path.suffix != ".gguf" and path.stat().st_size > SMALL_LIMIT_BYTES:
        reason = f"has {path.stat().st_size:,} bytes, and no such file of a {component} is that large"
        raise ModelError(f"{path}: {reason} -> copy or download it again")


def _refuse_foreign(component: str, library: str, where: str) -> None:
    if library in LIBRARIES or is_part_of_diffusers(library):
        return
    raise ModelError(
        f"{where}: {component} is of library {_short(library)}; only {' and '.join(LIBRARIES)} classes are loaded -> "
        f"{REMEDY}"
    )


def _refuse_python(names: Iterable[str], where: str) -> None:
    found = sorted(names)
    if found:
        reason = f"holds code ({found[0]}), and code of a checkpoint is never run"
        raise ModelError(f"{where} {reason} -> move it elsewhere if you trust the rest, or {REMEDY}")


def _refuse_outside(path: Path, root: Path, component: str) -> None:
    """Refuses a link that leaves the checkpoint, but for those of the hub cache, whose snapshots are links to blobs."""
    target = path.resolve()
    blobs = root.parent.parent / "blobs" if root.parent.name == "snapshots" else None
    if target.is_relative_to(root) or target.parent == blobs:
        return
    reason = f"is a link to {target}, outside the checkpoint's folder"
    remedy = f"copy it there, or {as_typed(f'+model.components.{component}', {'id': 'FOLDER_OF_ALL_ITS_FILES'})}"
    raise ModelError(f"{path} {reason} -> {remedy}")


def _refuse_foreign_shards(content: Mapping[str, Any], path: Path) -> None:
    weights = content.get("weight_map")
    if not isinstance(weights, dict):
        raise ModelError(f"{path}: has no weight_map -> copy or download it again")
    for shard in dict.fromkeys(one if isinstance(one, str) else repr(one) for one in weights.values()):
        if not PLAIN_SHARD.fullmatch(shard):
            reason = f"names {_short(shard)}; only safetensors files beside it are loaded"
            raise ModelError(f"{path}: {reason} -> {REMEDY}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
