"""A checkpoint folder in diffusers layout: what it holds, its digests, and how its components load."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterable
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.store.digest import digest_of, file_sha256

log = logging.getLogger(__name__)

EMBEDDED = "embedded:"
LIBRARIES = ("diffusers", "transformers")
TEXT_SUFFIXES = (".json", ".txt", ".model")


class Checkpoint:
    """One checkpoint folder. Reading its index and digests imports neither torch nor diffusers.

    Raises:
        ModelError: on construction, where `folder` holds no readable model_index.json.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.index = _read_index(folder)
        self._digest_cache: dict[str, str] = {}

    @cached_property
    def component_names(self) -> tuple[str, ...]:
        """The components that this checkpoint really has, sorted."""
        return tuple(
            sorted(
                name
                for name, entry in self.index.items()
                if isinstance(entry, list) and len(entry) == 2 and entry[0] is not None
            )
        )

    def config(self, component: str) -> dict[str, Any]:
        """Returns a component's config.

        Raises:
            ModelError: where its file is missing or damaged.
        """
        for name in ("config.json", "scheduler_config.json"):
            if (self.folder / component / name).is_file():
                return _read_json(self.folder / component / name)
        raise ModelError(f"{self.folder / component}: no config.json -> copy or download the checkpoint again")

    def require(self, needed: Iterable[str], configs: Iterable[str]) -> None:
        """Proves, without loading anything, that components are there and that no other is left unused.

        Args:
            needed: components that a family loads.
            configs: components of which it reads the config.

        Raises:
            ModelError: naming the component.
        """
        known = {*needed, *configs}
        for component in sorted(known):
            if component not in self.component_names:
                raise ModelError(f"{self.folder}/model_index.json: has no {component} -> choose another model.family")
            self._files(component)
        for component in configs:
            self.config(component)
        unused = sorted(set(self.component_names) - known)
        if unused:
            raise ModelError(f"{self.folder}: has {', '.join(unused)}, which this model.family does not drive")

    def digest(self, component: str) -> str:
        """Returns a digest over the names and bytes of a component's files."""
        if component not in self._digest_cache:
            digests = {path.name: file_sha256(path) for path in self._files(component)}
            self._digest_cache[component] = digest_of(digests)
        return self._digest_cache[component]

    def size_bytes(self, component: str) -> int:
        """Returns the size of a component's files on disk."""
        return sum(path.stat().st_size for path in self._files(component))

    def load(self, component: str, *, dtype: str, device: str) -> Any:
        """Loads one component, ready for inference.

        Args:
            component: its name in model_index.json.
            dtype: `float32`, `bfloat16` or `float16`; ignored by tokenizers and schedulers.
            device: torch device string.

        Returns:
            A diffusers or transformers object; modules are in eval mode on `device`.

        Raises:
            ModelError: naming the component and file, where it cannot be loaded.
        """
        import torch

        loader = self._component_class(component)
        options: dict[str, Any] = {}
        if issubclass(loader, torch.nn.Module):
            options = {"dtype": getattr(torch, dtype), "use_safetensors": True, "local_files_only": True}
        try:
            if not options:
                return loader.from_pretrained(str(self.folder / component))
            module, told = loader.from_pretrained(str(self.folder / component), output_loading_info=True, **options)
            _refuse_gaps(told)
            return module.to(device).eval()
        except Exception as error:  # the libraries raise anything from OSError to SafetensorError
            raise ModelError(_load_failure(self.folder / component, component, error)) from error

    def _component_class(self, component: str) -> Any:
        library, name = self.index.get(component, (None, None))
        if library not in LIBRARIES:
            raise ModelError(
                f"{self.folder}/model_index.json: {component} is of library {library!r}; "
                f"only {' and '.join(LIBRARIES)} classes are loaded"
            )
        found = getattr(importlib.import_module(library), name, None)
        if not isinstance(found, type):
            raise ModelError(
                f"{self.folder}/model_index.json: {component} needs {library}.{name}, which the installed "
                f"{library} lacks -> pip install -U {library}"
            )
        return found

    def _files(self, component: str) -> list[Path]:
        folder = self.folder / component
        if not folder.is_dir():
            raise ModelError(f"{folder}: the checkpoint lacks its {component} -> copy or download it again")
        wanted = (".safetensors", *TEXT_SUFFIXES)
        return sorted(path for path in folder.iterdir() if path.suffix in wanted)


def open_checkpoint(model_id: str) -> Checkpoint:
    """Opens a checkpoint by its id.

    Args:
        model_id: `embedded:<name>`, or a folder in diffusers layout.

    Raises:
        ModelError: where there is none.
    """
    if model_id.startswith(EMBEDDED):
        name = model_id.removeprefix(EMBEDDED)
        return Checkpoint(Path(str(files("vgpipe") / "weights" / name)))
    return Checkpoint(Path(model_id).expanduser())


def _read_index(folder: Path) -> dict[str, Any]:
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            f"model.id: {folder} is no checkpoint folder in diffusers layout (no model_index.json) -> "
            "give the folder that save_pretrained or a download made"
        )
    return _read_json(folder / "model_index.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read ({error}) -> copy or download it again") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path}: is not a JSON object -> copy or download it again")
    return value


def _refuse_gaps(told: dict[str, Any]) -> None:
    # transformers fills what a file lacks with random weights and only warns.
    for kind in ("missing_keys", "mismatched_keys"):
        names = sorted(str(name) for name in told.get(kind) or ())
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"{kind.replace('_keys', '')} tensors: {', '.join(names[:3])}{more}")


def _load_failure(folder: Path, component: str, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{component} cannot be loaded from {folder}: {reason} -> copy or download the checkpoint again"
