"""What is known about a published checkpoint before any file of it is downloaded: its classes, configs and sizes.

Facts about the options of conf/model, shipped beside them (conf/components). Reading one imports no model library.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from vgpipe.errors import LoadError, ModelError
from vgpipe.hub.repo import is_hub_id
from vgpipe.models.checkpoint.checkpoint import Checkpoint, Source
from vgpipe.models.checkpoint.outlines import outline_of

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
SCHEDULER, PLAIN_FILES = "scheduler", ""
HALVED = {"fp16": "float16", "bf16": "bfloat16"}
WITHOUT_CONFIG = ("tokenizer", SCHEDULER)


class CheckpointManifest(Checkpoint):
    """A checkpoint without local files: it can be planned for, but neither loaded nor used in a store key.

    Args:
        content: a manifest file's content.
        others: component -> the single file of the user's that takes its place.
        file: a file whose parts take the place of components.
    """

    def __init__(
        self, content: Mapping[str, Any], others: Mapping[str, Source] | None = None, file: Path | None = None
    ):
        super().__init__(Path(content["repo_id"]), index=content["index"], others=others, file=file)
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

    def is_local(self, component: str) -> bool:
        """Returns whether a component is taken from a file of the user's."""
        return self.source(component).file is not None

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
        if self.is_local(component):
            return super().size_bytes(component, variant)
        described = self._components.get(component, {})
        if variant is not None and self.has_variant(component, variant):
            return self.parameters(component) * BYTES[HALVED[variant]]
        plain = self.parameters(component) * BYTES[described.get("file_dtype", "float32")]
        return int(described.get("file_bytes", plain))  # given where a file holds more than one precision

    def weight_bytes(self, component: str) -> int:
        """Returns the size of the plain weight files."""
        return self.size_bytes(component)

    def files(self, component: str, variant: str | None) -> list[str]:
        """Returns the user's file of a component; refuses others, whose files are not known.

        Raises:
            LoadError: for a component that is not taken from a file of the user's.
        """
        if self.is_local(component):
            return super().files(component, variant)
        raise self._unknown(component)

    def identity(self, component: str, variant: str | None) -> NoReturn:
        """Refuses: a store key needs digests of real files.

        Raises:
            LoadError: always.
        """
        raise self._unknown(component)

    def _unknown(self, component: str) -> LoadError:
        reason = f"{component} of {self.name} is known from its manifest only, not downloaded"
        return LoadError(f"{reason} -> open {self.name}", component)

    def _check_present(self, component: str, variant: str | None) -> None:
        if self.is_local(component):
            super()._check_present(component, variant)
        elif not component.startswith(WITHOUT_CONFIG):
            self.config(component)

    def _variants(self, component: str) -> tuple[str, ...]:
        return (PLAIN_FILES, *self._components.get(component, {}).get("variants", ()))


def manifest_of(
    option: str,
    repo_id: str,
    others: Mapping[str, str] | None = None,
    *,
    local: Mapping[str, Source] | None = None,
    file: Path | None = None,
) -> CheckpointManifest | None:
    """Returns what ships about the checkpoint of a model option.

    Args:
        option: of conf/model.
        repo_id: the model's id.
        others: component -> the repo that it is taken from instead; None leaves that to the option.
        local: component -> the user's single file that takes its place.
        file: a file of the user's whose parts take the place of components.

    Returns:
        The manifest; None where there is none, and for a user's own checkpoint under the option's name.

    Raises:
        ModelError: where the file is of another version of vgpipe.
    """
    content = outline_of(option) if is_hub_id(repo_id) else None
    if content is None:
        return None
    manifest = CheckpointManifest(content, local, file)
    own = {name: repo for name, repo in manifest.others.items() if name not in (local or {})}
    same = manifest.name == repo_id and others in (None, own)
    return manifest if same else None
