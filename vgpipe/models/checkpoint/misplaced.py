"""Says what a path holds that is not a checkpoint in diffusers layout, and what to type in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from vgpipe.errors import ModelError
from vgpipe.hub.files import PICKLE_SUFFIXES
from vgpipe.models.checkpoint.bounded_json import read_json
from vgpipe.models.checkpoint.layouts import single_file_override
from vgpipe.models.checkpoint.modular_index import MODULAR_FILE, is_driven
from vgpipe.models.checkpoint.safetensors_files import tensors_in
from vgpipe.models.checkpoint.tensor_names import is_adapter
from vgpipe.typed import as_typed

INDEX_FILE, CONFIG_FILE = "model_index.json", "config.json"
ONE_CALL = f"take a checkpoint whose pipeline has a call of its own ({INDEX_FILE}), such as those of docs/models.md"
TO_DIFFUSERS = "take one in diffusers layout; on the hub, such repos of the same model often end in -Diffusers"
COMFYUI_FOLDERS = {"diffusion_models", "text_encoders", "checkpoints", "unet", "clip", "loras"}
OF_CACHE, MAX_LOOKED_AT = "models--", 200

WHOLE = re.compile(r"^(first_stage_model|vae|cond_stage_model|conditioner|text_encoders)\.")
COMPONENTS = (
    ("text_encoder", re.compile(r"^(encoder\.block\.|shared\.|token_embedding\.|text_model\.|model\.layers\.)")),
    ("vae", re.compile(r"^((en|de)coder\.(conv|down|up|mid)|(post_)?quant_conv\.|per_channel_statistics\.)")),
    ("transformer", re.compile(r"(^|\.)\w*blocks\.\d+\.|diffusion_model\.|patch_embed|^transformer\.layers\.")),
)
CLASS_COMPONENTS = (
    ("vae", r"^Autoencoder"), ("unet", r"^UNet"), ("transformer", r"Transformer\w*Model$"),
    ("text_encoder", r"(Encoder|Text)Model|ForConditionalGeneration|LlamaModel"),
)  # fmt: skip


def explain(path: Path, repo_id: str | None = None) -> str:
    """Returns a message on a `model.id` that is not a checkpoint.

    Args:
        path: what it names; the snapshot's folder for a repo.
        repo_id: the hub repo; None for a path of the user's.
    """
    if repo_id is not None:
        modular = _modular(path)
        if modular is not None:
            return f"model.id: {repo_id} {modular} -> {ONE_CALL}"
        return f"model.id: {repo_id} is not in diffusers layout (no {INDEX_FILE}) -> {TO_DIFFUSERS}"
    try:
        what, remedy = _file(path) if path.is_file() else _folder(path)
    except OSError as error:
        what, remedy = f"cannot be read ({error.strerror})", "check its permissions"
    return f"model.id: {path} {what} -> {remedy}"


def explain_address(address: str) -> str:
    """Returns a message on a `model.id` that is a web address."""
    split = urlsplit(address)
    owner, name, *rest = [*split.path.strip("/").split("/"), "", ""]
    if "huggingface" not in split.netloc and not split.netloc.startswith("hf"):
        return f"model.id: {address} is a web address -> download it, and give its folder"
    revision = f" {as_typed('model.revision', rest[1])}" if rest[0] == "tree" and rest[1] else ""
    return f"model.id: {address} is the address of a repo's page -> {as_typed('model.id', f'{owner}/{name}')}{revision}"


def refuse_component(component: str, folder: Path, *, is_single_file: bool, known: Collection[str]) -> None:
    """Refuses a component's other source where that cannot be one, or is of no component.

    Args:
        component: the key of `model.components`.
        folder: what is given for it, local; of a single file, the folder it lies in.
        is_single_file: whether a file in it is named.
        known: the components of the checkpoint.

    Raises:
        ModelError: naming what to type.
    """
    where = f"model.components.{component}"
    if is_single_file and component not in known:
        near = get_close_matches(component, known, 1)
        remedy = f"did you mean {near[0]}?" if near else f"one of: {', '.join(sorted(known))}"
        raise ModelError(f"{where}: the checkpoint has no such component, and a file alone makes none -> {remedy}")
    if not folder.is_dir():
        raise ModelError(f"{where}: {folder}: nothing is there -> give a folder, a file or owner/name of a hub repo")
    if is_single_file:
        return
    if _is_checkpoint(folder) and (folder / component).is_dir():
        remedy = as_typed(f"+{where}", {"id": str(folder), "subfolder": component})
        raise ModelError(f"{where}: {folder} is a whole checkpoint -> {remedy}")
    files = sorted(one for one in folder.iterdir() if one.suffix in (".gguf", ".safetensors"))
    if files and not any(folder.glob("*.json")):
        reason = f"{folder} has no {CONFIG_FILE}, but {', '.join(one.name for one in files[:3])}"
        raise ModelError(f"{where}: {reason} -> {single_file_override(component, files[0])}")


def _file(path: Path) -> tuple[str, str]:
    if path.suffix in PICKLE_SUFFIXES:
        return "is a file of pickled weights, which can run code and are never loaded", TO_DIFFUSERS
    if path.suffix == ".gguf":
        return _part("transformer", path)
    if path.suffix != ".safetensors":
        return "is a file, not a checkpoint folder", "give the folder that save_pretrained or a download made"
    try:
        names = tensors_in(path)
    except ValueError as error:
        return f"is not a safetensors file: {error}", "copy or download it again"
    if is_adapter(names):
        return (
            "is an adapter of weights (LoRA)",
            f"leave model.id out, and type {as_typed('model.loras', [{'id': str(path)}])}",
        )
    if any(WHOLE.search(name) for name in names) and any("diffusion_model." in name for name in names):
        typed = as_typed("model.single_file", str(path))
        return "is a whole model in one file, and this option has no checkpoint that it belongs to", (
            f"choose the option that it is of, or give model.id=FOLDER_OR_REPO {typed}"
        )
    component = next((one for one, mark in COMPONENTS if any(map(mark.search, names))), "transformer")
    return _part(component, path)


def _part(component: str, path: Path) -> tuple[str, str]:
    override = single_file_override(component, path)
    return (
        f"is one file, of a {component}; a checkpoint is a folder with all components",
        f"leave model.id out, or give the checkpoint it belongs to, and type {override}",
    )


def _folder(path: Path) -> tuple[str, str]:
    if not path.is_dir():
        return (
            "is not a checkpoint folder: nothing is there",
            "give the folder that save_pretrained or a download made, or owner/name of a hub repo",
        )
    modular = _modular(path)
    if modular is not None:
        return modular, ONE_CALL
    parts = sorted(one for one in list(path.iterdir())[:MAX_LOOKED_AT] if one.is_dir())
    inside = [found for one in parts if _is_checkpoint(found := snapshot_of(one) or one)]
    if len(inside) == 1:
        return "is not a checkpoint folder itself, but holds one", _model_id(inside[0])
    if inside:
        return f"holds {len(inside)} checkpoints", f"one of them, as {_model_id(inside[0])}"
    config = _config(path)
    listed = config.get("architectures")
    class_name = str(config.get("_class_name") or (listed[0] if isinstance(listed, list) and listed else ""))
    if class_name and _is_checkpoint(path.parent):
        return f"is one component of a checkpoint, a {class_name}", _model_id(path.parent)
    component = next((one for one, pattern in CLASS_COMPONENTS if re.search(pattern, class_name)), None)
    if component is not None:
        override = as_typed(f"+model.components.{component}", {"id": str(path)})
        return f"is one component of a checkpoint, a {class_name}", f"leave model.id out, and type {override}"
    if COMFYUI_FOLDERS & {one.name for one in parts}:
        one = "'+model.components.transformer={id: FOLDER, file: NAME.safetensors}'"
        return "is ComfyUI's folder of models", f"leave model.id out, and take a file of it by {one}"
    weights = [one.name for one in path.iterdir() if one.suffix in (".safetensors", *PICKLE_SUFFIXES)]
    if weights or config:
        named = f" ({', '.join(sorted(weights)[:2])})" if weights else ""
        return f"is in its authors' layout{named}, not in that of diffusers (no {INDEX_FILE})", TO_DIFFUSERS
    return (
        f"is not a checkpoint folder in diffusers layout (no {INDEX_FILE})",
        "give the folder that save_pretrained or a download made",
    )


def _modular(path: Path) -> str | None:
    """Returns what is said of a modular pipeline; None for anything else."""
    if not (path / MODULAR_FILE).is_file():
        return None
    try:
        name = str(read_json(path / MODULAR_FILE).get("_class_name") or "")
    except ModelError:
        name = ""
    named = f" ({name[:80]})" if name else ""
    return f"is a modular pipeline{named}: blocks, which have no one call that vgpipe could drive stage by stage"


def snapshot_of(path: Path) -> Path | None:
    """Returns the snapshot that a repo's folder of the hub cache (`models--owner--name`) holds; None for others.

    Args:
        path: any folder.

    Returns:
        That of `main`, else the newest.
    """
    if not path.name.startswith(OF_CACHE):
        return None
    places = [one for one in (path / "snapshots").glob("*") if one.is_dir()]
    if not places:
        return None
    main = path / "refs" / "main"
    named = main.read_text("utf-8", errors="replace").strip() if main.is_file() else ""
    return next((one for one in places if one.name == named), max(places, key=lambda one: one.stat().st_mtime))


def _is_checkpoint(path: Path) -> bool:
    return (path / INDEX_FILE).is_file() or is_driven(path)


def _config(path: Path) -> dict[str, object]:
    try:
        found = json.loads((path / CONFIG_FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _model_id(path: Path) -> str:
    return as_typed("model.id", str(path))
