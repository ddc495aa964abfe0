"""A CLIP model that the user names for judging: opened, vetted and loaded as checkpoints are, and asked for similarity.

It runs on the CPU in float32, so that it takes no memory of the device and its numbers do not depend on one.

Array shapes: N frames, H height, W width, C channels, D embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.hub.repo import fetch, is_hub_id, open_repo
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint, Source
from vgpipe.outside_file import expanded
from vgpipe.store.file_hashes import FileHashes

if TYPE_CHECKING:
    import numpy as np

COMPONENT = "judge"
INDEX = {COMPONENT: ["transformers", "CLIPModel"]}
REMEDY = "judge.id takes a folder or a hub repo with a transformers CLIPModel in safetensors"


@dataclass(frozen=True)
class ClipModel:
    """A CLIP model; nothing is loaded before it is asked.

    Attributes:
        checkpoint: its files, as a checkpoint with one component.
    """

    checkpoint: Checkpoint

    @property
    def identity(self) -> Any:
        """What names its bits, as plain values."""
        return self.checkpoint.identity(COMPONENT, None)

    def similarities(self, frames_NHWC: np.ndarray, text: str) -> list[float]:
        """Returns the cosine of each frame's embedding and the text's, -1 to 1.

        Args:
            frames_NHWC: uint8.
            text: cut where the model reads no more.

        Raises:
            ModelError: where the model cannot be loaded.
        """
        import torch

        model, tokenizer, images = self._loaded
        tokens = tokenizer([text], padding=True, truncation=True, return_tensors="pt")
        pixels = images(images=list(frames_NHWC), return_tensors="pt")
        with torch.inference_mode():
            output = model(**tokens, pixel_values=pixels["pixel_values"])
        image_ND, text_1D = (one / one.norm(dim=-1, keepdim=True) for one in (output.image_embeds, output.text_embeds))
        return [float(number) for number in image_ND @ text_1D[0]]

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Any]:
        from transformers import CLIPImageProcessor, CLIPTokenizerFast

        from vgpipe.models.weights.load_component import load_component

        model = load_component(self.checkpoint, COMPONENT, Settings(), "cpu")
        place = str(self.checkpoint.source(COMPONENT).place)
        try:
            readers = [
                kind.from_pretrained(place, local_files_only=True) for kind in (CLIPTokenizerFast, CLIPImageProcessor)
            ]
        except Exception as error:  # the libraries raise anything from OSError to TypeError
            raise ModelError(
                f"{self.checkpoint.name}: its tokenizer or image settings cannot be read: {error} -> {REMEDY}"
            ) from None
        return model, *readers


def open_clip(model_id: str, revision: str | None, hashes: FileHashes | None = None) -> ClipModel:
    """Opens a CLIP model; of a repo, its files are downloaded.

    Args:
        model_id: a folder, or a repo of the hub.
        revision: of a repo: branch, tag or commit; None is its main branch.
        hashes: remembers the SHA-256 of large files.

    Raises:
        ModelError: where there is none, or it is no CLIP model that is loaded here.
    """
    repo = open_repo(model_id, revision) if is_hub_id(model_id) else None
    folder = repo.folder if repo else expanded(model_id).absolute()
    if not (folder / "config.json").is_file():
        raise ModelError(f"judge.id: {model_id}: there is no config.json in {folder} -> {REMEDY}")
    checkpoint = Checkpoint(folder, repo=repo, others={COMPONENT: Source(folder, "", repo)}, hashes=hashes, index=INDEX)
    _check(checkpoint, model_id)
    if repo is not None:
        fetch(repo, checkpoint.files(COMPONENT, None))
    return ClipModel(checkpoint)


def _check(checkpoint: Checkpoint, model_id: str) -> None:
    kind = checkpoint.config(COMPONENT).get("model_type")
    if kind != "clip":
        raise ModelError(f"judge.id: {model_id}: its config.json is of a model of type {kind!r} -> {REMEDY}")
    try:
        checkpoint.require({COMPONENT})
    except ModelError as error:
        raise ModelError(f"judge.id: {error}") from None
