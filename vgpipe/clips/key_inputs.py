"""What the store keys of clips are made of, as inputs.json of a run keeps it: `why` says by it which input changed.

A key names upstream artifacts by digest, and those may be gone from the store by then. Here the inputs of all stages of
a clip stand together, and what all clips share, above all the identity of the model, stands once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vgpipe import __version__
from vgpipe.models.base import Family
from vgpipe.report.values import table_of
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import installed_versions
from vgpipe.store.digest import digest_of
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

SCHEMA = 1
NEGATIVE, LATER, MODEL = "negative", "later", "model"
"""Beside the stages: the encoded negative prompt, and those of later shots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Which model a run asks for.

    Attributes:
        name: of its option in `conf/model`.
        id: where its checkpoint is.
        revision: of a repo of the hub: the commit, once it is opened; None elsewhere.
    """

    name: str = ""
    id: str = ""
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipInputs:
    """What the keys of one clip are made of.

    Attributes:
        segments: of each segment, stage (`encode`, `negative`, `later`, `denoise`, `decode`) -> its inputs.
        exports: the inputs of each finished file.
        files: digest over files of a component -> file -> SHA-256.
        loras: SHA-256 of a LoRA's file -> the name of that file.
        model: which model it is.
        versions: package -> the version that was installed.
        is_partial: whether only a part of the inputs is known, as of runs made by older versions.
    """

    segments: tuple[Mapping[str, Any], ...] = ()
    exports: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    loras: Mapping[str, str] = field(default_factory=dict)
    model: ModelFacts = field(default_factory=ModelFacts)
    versions: Mapping[str, str] = field(default_factory=dict)
    is_partial: bool = False


def document(clips: Mapping[str, Sequence[ClipKeys]], family: Family, model: ModelFacts) -> dict[str, Any]:
    """Returns what inputs.json holds of a run, plain values.

    Args:
        clips: id -> the keys of its segments, as the clip was asked for.
        family: drives the model.
        model: which one it is.
    """
    parts = _Parts()
    entries = {
        clip: {
            "segments": [_shared(_segment(one), parts) for one in keys],
            "exports": [key.inputs for key in keys[0].exports],
        }
        for clip, keys in clips.items()
    }
    return {
        "schema": SCHEMA,
        "vgpipe": __version__,
        "versions": installed_versions(),
        "model": {"name": model.name, "id": model.id, "revision": model.revision},
        "files": family.checkpoint.known_files,
        "loras": _loras(family),
        "parts": parts.known,
        "clips": entries,
    }


def read_document(values: Mapping[str, Any]) -> dict[str, ClipInputs]:
    """Returns clip id -> what its keys were made of, from the content of inputs.json.

    Args:
        values: as read, any JSON.
    """
    parts = table_of(values.get("parts"))
    model = table_of(values.get("model"))
    shared: dict[str, Any] = {
        "files": {digest: table_of(files) for digest, files in table_of(values.get("files")).items()},
        "loras": table_of(values.get("loras")),
        "model": ModelFacts(
            name=str(model.get("name", "")), id=str(model.get("id", "")), revision=model.get("revision")
        ),
        "versions": table_of(values.get("versions")),
    }
    found = {}
    for clip, entry in table_of(values.get("clips")).items():
        segments = tuple(_whole(one, parts) for one in _tables(table_of(entry).get("segments")))
        found[clip] = ClipInputs(segments=segments, exports=_tables(table_of(entry).get("exports")), **shared)
    return found


class _Parts:
    """The identities of models, each under a digest; one is digested once, however many keys hold it."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self._digests: dict[tuple[int, ...], str] = {}

    def digest(self, model: Mapping[str, Any]) -> str:
        # The keys of one family hold copies of a mapping whose values are the same objects, which live as long.
        same = tuple(map(id, model.values()))
        if same not in self._digests:
            digest = self._digests[same] = digest_of(dict(model))[:16]
            self.known[digest] = model
        return self._digests[same]


def _segment(keys: ClipKeys) -> dict[str, Any]:
    return {
        ENCODE: keys.prompt.inputs,
        NEGATIVE: keys.negative.inputs if keys.negative else None,
        LATER: [key.inputs for key in keys.later],
        DENOISE: keys.latents.inputs,
        DECODE: keys.frames.inputs,
    }


def _shared(segment: Mapping[str, Any], parts: _Parts) -> dict[str, Any]:
    """Returns the inputs of a segment with digests in place of the identities of models."""

    def short(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**inputs, MODEL: parts.digest(inputs[MODEL])}

    made = {name: short(inputs) if isinstance(inputs, dict) else inputs for name, inputs in segment.items()}
    return {**made, LATER: [short(inputs) for inputs in segment[LATER]]}


def _whole(segment: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs of a segment with the identities of models in place of their digests."""

    def long(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**inputs, MODEL: table_of(parts.get(str(inputs.get(MODEL))))}

    made = {name: long(inputs) for name, inputs in segment.items() if isinstance(inputs, dict)}
    return {**made, LATER: [long(one) for one in _tables(segment.get(LATER))]}


def _tables(value: object) -> tuple[Mapping[str, Any], ...]:
    return tuple(one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _loras(family: Family) -> dict[str, str]:
    return {lora.sha256: Path(lora.path).name for lora in family.settings.loras}
