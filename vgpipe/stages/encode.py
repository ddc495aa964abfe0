"""encode: one text to prompt embeddings."""

from __future__ import annotations

import time

from vgpipe.models.base import Components, Embeds, Family
from vgpipe.models.text_reader import TextReading, reading_of
from vgpipe.models.texts.watching import watched
from vgpipe.stages import tensors
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

FILE = "embeds.safetensors"
VERSION = 2
"""Part of every store key of encoded texts: goes up where a family gives other embeddings for the same text."""


def run(store: Store, key: Key, *, family: Family, components: Components, text: str) -> Artifact | None:
    """Encodes one text into the store; each text alone, since padding and batching change its bits.

    Args:
        store: where the artifact goes.
        key: its name.
        family: drives the model.
        components: the loaded `family.encode_components`.
        text: a prompt or negative prompt; may be empty.

    Returns:
        The artifact: `embeds.safetensors`. Its info says what was `read` of the text.

    Raises:
        StoreError: where the store cannot be written.
    """
    started = time.monotonic()
    with watched(components) as watch:
        embeds = family.encode(components, text)
    with store.create(key) as draft:
        tensors.save(draft.path(FILE), embeds)
        draft.info["read"] = watch.reading_of(text).to_plain()
        draft.info["seconds"] = round(time.monotonic() - started, 4)
    return store.find(key)


def read(artifact: Artifact) -> Embeds:
    """Returns the embeddings of an encode artifact: name -> CPU tensor with a leading batch of 1.

    Raises:
        LostArtifact: where they are missing or damaged.
    """
    return tensors.load(artifact.read(FILE))[0]


def reading(artifact: Artifact | None) -> TextReading | None:
    """Returns what an encode artifact says was read of its text; None where it is older than that."""
    return reading_of(artifact.info.get("read")) if artifact else None
