"""What is known about a published checkpoint before any file of it is downloaded: its classes, configs and sizes.

Facts about the options of conf/model, shipped beside them (conf/components). Reading one imports no model library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from vgpipe.errors import LoadError, ModelError
from vgpipe.hub.repo import is_hub_id
from vgpipe.models.checkpoint.checkpoint import Checkpoint, Source

PACKAGE, FOLDER, SCHEMA = "vgpipe.conf", "components", 1
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
SCHEDULER, PLAIN_FILES = "scheduler", ""
HALVED = {"fp16": "float16", "bf16": "bfloat16"}
WITHOUT_CONFIG = ("tokenizer", SCHEDULER)


class CheckpointManifest(Checkpoint):
    """A checkpoint without local files: it can be planned for, but neither loaded nor used in a store key.

    Args:
        content: a manifest file's content.
    """

    def __init__(self, content: Mapping[str, Any]):
        super().__init__(Path(content["repo_id"]), index=content["index"])
        self._scheduler: Mapping[str, Any] = content[SCHEDULER]
        self._components: Mapping[str, Mapping[str, Any]] = content["components"]

    @property
    def name(self) -> str:
        """The repo that it describes."""
        return self.folder.as_posix()

    @property
    def others(self) -> dict[str, str]:
        """Component -> the repo that it is taken from instead."""
        return {name: str(one["repo_id"]) for name, one in self._components.items() if "repo_id" in one}

    def source(self, component: str) -> Source:
        """Returns where a component's files would lie; none is there."""
        return Source(self.folder, component)

    def config(self, component: str) -> dict[str, Any]:
        """Returns a component's config.

        Raises:
            ModelError: where the manifest has none of it.
        """
        described = self._scheduler if component == SCHEDULER else self._components.get(component)
        if described is None:
            raise ModelError(f"{self.name}: its manifest holds no config of {component} -> download the checkpoint")
        return dict(described["config"])

    def parameters(self, component: str) -> int:
        """Returns how many parameters a component has; 0 for a tokenizer and the like."""
        return int(self._components.get(component, {}).get("parameters", 0))

    def has_weights(self, component: str, variant: str | None) -> bool:
        """Returns whether a component has weights; tokenizers and the like have none."""
        return self.parameters(component) > 0

    def size_bytes(self, component: str, variant: str | None = None) -> int:
        """Returns the size of the weights in the files that are published, as those are stored."""
        described = self._components.get(component, {})
        if variant is not None and self.has_variant(component, variant):
            return self.parameters(component) * BYTES[HALVED[variant]]
        plain = self.parameters(component) * BYTES[described.get("file_dtype", "float32")]
        return int(described.get("file_bytes", plain))  # given where a file holds more than one precision

    def weight_bytes(self, component: str) -> int:
        """Returns the size of the plain weight files."""
        return self.size_bytes(component)

    def files(self, component: str, variant: str | None) -> NoReturn:
        """Refuses: its files are not known.

        Raises:
            LoadError: always.
        """
        raise LoadError(
            f"{component} of {self.name} is known from its manifest only, not downloaded -> open {self.name}", component
        )

    def identity(self, component: str, variant: str | None) -> NoReturn:
        """Refuses: a store key needs digests of real files.

        Raises:
            LoadError: always.
        """
        self.files(component, variant)

    def _check_present(self, component: str, variant: str | None) -> None:
        if not component.startswith(WITHOUT_CONFIG):
            self.config(component)

    def _variants(self, component: str) -> tuple[str, ...]:
        return (PLAIN_FILES, *self._components.get(component, {}).get("variants", ()))


def manifest_of(option: str, repo_id: str, others: Mapping[str, str] | None = None) -> CheckpointManifest | None:
    """Returns what ships about the checkpoint of a model option.

    Args:
        option: of conf/model.
        repo_id: the model's id.
        others: component -> the repo that it is taken from instead; None leaves that to the option.

    Returns:
        The manifest; None where there is none, and for a user's own checkpoint under the option's name.

    Raises:
        ModelError: where the file is of another version of vgpipe.
    """
    content = outline_of(option) if is_hub_id(repo_id) else None
    if content is None:
        return None
    manifest = CheckpointManifest(content)
    same = manifest.name == repo_id and others in (None, manifest.others)
    return manifest if same else None


def outline_of(option: str) -> dict[str, Any] | None:
    """Returns a manifest file's content.

    Args:
        option: of conf/model. Where its weights differ from another option's in their values alone, its file names that
            (`same_as`) and has what is its own.

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
    return content if like is None else {**(outline_of(like) or {}), **content}
