"""Which input of a clip changed between two renderings, by comparing what its store keys were made of.

Two keys differ where one of their inputs does, so what is compared here is complete: an input without words of its own
is named by its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vgpipe.clips.key_inputs import LATER, MODEL, NEGATIVE, ClipInputs
from vgpipe.job.audio import OF_MODEL
from vgpipe.models.base import Settings
from vgpipe.provenance.cache_changes import cache_changes
from vgpipe.provenance.change_words import (
    MAX_DIGEST,
    NAMES,
    Change,
    arrow,
    export_words,
    in_few_words,
    place,
    short,
    shown,
)
from vgpipe.report.values import list_of, table_of
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT

UPSTREAM = (
    *("prompt", "negative", "latents", "given", "frames", "segments", "seam", "windows", "sound", "version"),
    MODEL,
)
"""Inputs of a key that are compared elsewhere: what they stand for, by its own inputs."""
SIZE = ("width", "height")
GIVEN = ("image", "last_image", "images", "video", "audio")
"""Inputs that are digests of given files."""
ABSENT = {field.name: field.default for field in fields(Settings)}
"""Options that an identity leaves out while they have their default."""
PARTS, FILES, LORAS, SCHEDULER, CONFIGS, CACHE = "parts", "files", "loras", "scheduler", "configs", "cache"


def input_changes(before: ClipInputs, now: ClipInputs, files: Mapping[str, str] | None = None) -> tuple[Change, ...]:
    """Returns which inputs changed, in the order of the stages; none where the keys are the same.

    Args:
        before: of the earlier rendering.
        now: of what would be rendered.
        files: setting -> the file that it gives now, as a message names it.
    """
    if before.model.name != now.model.name and before.model.name:
        model = [Change(ENCODE, f"model {before.model.name} -> {now.model.name}")]
    else:
        model = _other_checkpoint(before, now)
    comparison = _Comparison(before, now, files or {}, is_other_model=bool(model))
    return in_few_words([*model, *comparison.changes()])


def _other_checkpoint(before: ClipInputs, now: ClipInputs) -> list[Change]:
    """Returns another id or commit, where anything of the model differs: a moved folder with the same files is none."""
    old, new = before.model, now.model
    is_same = [_models(one) for one in before.segments[:1]] == [_models(one) for one in now.segments[:1]]
    if is_same or not old.id:
        return []
    if old.id != new.id:
        return [Change(ENCODE, f"model.id {place(old.id)} -> {place(new.id)}")]
    if old.revision != new.revision:
        return [Change(ENCODE, f"model.revision {short(old.revision)} -> {short(new.revision)}")]
    return []


def _models(segment: Mapping[str, Any]) -> list[Any]:
    """Returns the files of all components of a segment's stages, whatever their settings."""
    return [list(_file_lists(table_of(segment.get(stage)).get(MODEL))) for stage in (ENCODE, DENOISE, DECODE)]


def _file_lists(model: Any) -> Iterator[Any]:
    parts = {**table_of(model), **table_of(table_of(model).get(PARTS))}
    for name, identity in sorted(parts.items()):
        if FILES in table_of(identity):
            yield name, table_of(identity)[FILES]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares the inputs of one clip.

    Attributes:
        before: of the earlier rendering.
        now: of what would be rendered.
        files: setting -> the file that it gives, as a message names it.
        is_other_model: whether another checkpoint explains whatever differs in files and configs.
    """

    before: ClipInputs
    now: ClipInputs
    files: Mapping[str, str]
    is_other_model: bool

    def changes(self) -> Iterator[Change]:
        """Yields what differs, stage by stage; of a long clip all segments."""
        old_count, new_count = len(self.before.segments), len(self.now.segments)
        if old_count != new_count and old_count:
            yield Change(DENOISE, f"segments {old_count} -> {new_count}")
        pairs = list(zip(self.before.segments, self.now.segments, strict=False))
        for stage, words in ((ENCODE, "prompt"), (NEGATIVE, "negative prompt")):
            for old, new in pairs:
                yield from self._text(table_of(old.get(stage)), table_of(new.get(stage)), words)
        for old, new in pairs:
            for one, other in zip(list_of(old.get(LATER)), list_of(new.get(LATER)), strict=False):
                yield from self._text(table_of(one), table_of(other), "prompt of a later shot")
            yield from self._stage(DENOISE, table_of(old.get(DENOISE)), table_of(new.get(DENOISE)))
            yield from self._stage(DECODE, table_of(old.get(DECODE)), table_of(new.get(DECODE)))
        yield from self._exports()

    def _text(self, old: Mapping[str, Any], new: Mapping[str, Any], words: str) -> Iterator[Change]:
        if not old or not new:  # whether there is a negative prompt follows from the guidance
            return
        if old.get("text") != new.get("text"):
            yield Change(ENCODE, f"{words} changed from {shown(old.get('text'))} to {shown(new.get('text'))}")
        without = ("text",)
        yield from self._stage(ENCODE, _without(old, without), _without(new, without))

    def _stage(self, stage: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        if not old or not new:
            return
        if self.before.is_partial:
            new = {name: value for name, value in new.items() if name in old}
        if old.get("version") != new.get("version"):
            versions = f"version {shown(old.get('version'))} -> {shown(new.get('version'))}"
            yield Change(stage, f"vgpipe's own {stage} stage: {versions}")
        yield from self._settings(stage, old, new)
        yield from self._model(stage, table_of(old.get(MODEL)), table_of(new.get(MODEL)))
        for name in ("windows", "seam", "sound"):
            if (old.get(name) is None) != (new.get(name) is None):
                yield Change(stage, f"{name}: {'none then' if old.get(name) is None else 'none now'}")
                continue
            for path, one, other in _leaves(old.get(name), new.get(name)):
                if not _is_digest(one) and not _is_digest(other):
                    yield Change(stage, arrow(".".join((name, *path)), one, other))

    def _settings(self, stage: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        sizes = ["x".join(str(side.get(name)) for name in SIZE) for side in (old, new)]
        if sizes[0] != sizes[1]:
            yield Change(stage, f"size {sizes[0]} -> {sizes[1]}")
        for name in sorted((old.keys() | new.keys()) - {*UPSTREAM, *SIZE}):
            one, other = old.get(name), new.get(name)
            if one == other or (name == "family" and self.is_other_model):
                continue
            is_file = name in GIVEN
            yield Change(stage, self._given(name, one, other) if is_file else arrow(NAMES.get(name, name), one, other))

    def _given(self, name: str, old: Any, new: Any) -> str:
        words, file = name.replace("_", " "), self.files.get(name)
        if name == "images":
            frames = [", ".join(str(one[0]) for one in list_of(side) if isinstance(one, list)) for side in (old, new)]
            same = "images: other content"
            return same if frames[0] == frames[1] else f"images at {frames[0] or 'none'} -> {frames[1] or 'none'}"
        if name == "audio" and OF_MODEL in (old, new):
            return f"audio {self._sound(old)} -> {self._sound(new)}"
        if old is None or new is None:
            return f"{words} {'none' if old is None else 'one'} -> {'none' if new is None else shown(file)}"
        return f"{words} {shown(file)}: other content"

    def _sound(self, audio: Any) -> str:
        return "none" if audio is None else OF_MODEL if audio == OF_MODEL else "a file"

    def _model(self, stage: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        """Yields what differs in the identity of a model: of its components, the scheduler and the call."""
        old_parts, new_parts = table_of(old.get(PARTS)), table_of(new.get(PARTS))
        if stage != DENOISE:
            old_parts, new_parts = old, new
        for name in sorted(old_parts.keys() | new_parts.keys()):
            yield from self._component(stage, name, table_of(old_parts.get(name)), table_of(new_parts.get(name)))
        if stage == DENOISE:
            yield from self._scheduler(list_of(old.get(SCHEDULER)), list_of(new.get(SCHEDULER)))
            yield from cache_changes(table_of(old.get(CACHE)), table_of(new.get(CACHE)))
            for name in sorted((old.keys() | new.keys()) - {PARTS, SCHEDULER, CACHE}):
                if name in (CONFIGS, "index") and self.is_other_model:
                    continue
                for path, one, other in _leaves(old.get(name), new.get(name)):
                    yield Change(stage, arrow(".".join(("model", name, *path)), one, other))

    def _component(self, stage: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        known: dict[str, Callable[[str, Any, Any], Iterator[str]]] = {
            FILES: self._files,
            LORAS: self._loras,
            "dtype": lambda part, one, other: iter([arrow(f"precision of {part}", one, other)]),
            "quantization": lambda part, one, other: iter(
                [arrow(f"weights of {part}", one or "native", other or "native")]
            ),
        }
        if self.is_other_model:
            del known[FILES]
        for key in sorted(old.keys() | new.keys()):
            one, other = old.get(key, ABSENT.get(key)), new.get(key, ABSENT.get(key))
            if one == other or (key == FILES and self.is_other_model):
                continue
            if key == LORAS:
                yield from (Change(stage, text) for text in self._loras(name, one, other))
            elif key in known:
                for part in sorted(table_of(one).keys() | table_of(other).keys()):
                    values = table_of(one).get(part), table_of(other).get(part)
                    if values[0] != values[1]:
                        yield from (Change(stage, text) for text in known[key](part, *values))
            else:
                yield Change(stage, arrow(key, one, other))

    def _files(self, part: str, old: Any, new: Any) -> Iterator[str]:
        """Yields which files of a component differ; where it comes from, if that does."""
        (old_entry, *before), (new_entry, *now) = [*list_of(old)] or [None], [*list_of(new)] or [None]
        if old_entry != new_entry:
            yield f"class or config of {part}"
        if before == now:
            return
        if len(before) >= 5 and len(now) >= 5:  # repo, commit, prefix, file, variant
            names = ("repo", "revision", "folder", "file", "variant")
            for name, one, other in zip(names, before, now, strict=False):
                if one != other:
                    yield f"{name} of {part} {short(one)} -> {short(other)}"
            return
        files = [table_of(side.files.get(str(next(iter(known), "")))) for side, known in
                 ((self.before, before), (self.now, now))]  # fmt: skip
        if not all(files):
            yield f"model files of {part}"
            return
        for name in sorted(files[0].keys() | files[1].keys()):
            if files[0].get(name) != files[1].get(name):
                how = (
                    "changed" if name in files[0] and name in files[1] else "is new" if name in files[1] else "is gone"
                )
                yield f"model file {part}/{name} {how}"
        if before[1:] != now[1:]:
            yield f"how {part} is read: {shown(before[1:])} -> {shown(now[1:])}"

    def _loras(self, part: str, old: Any, new: Any) -> Iterator[str]:
        before, now = _by_name(old, self.before.loras), _by_name(new, self.now.loras)
        for name in sorted(before.keys() | now.keys()):
            one, other = before.get(name), now.get(name)
            if one is None:
                yield f"LoRA {name} added"
            elif other is None:
                yield f"LoRA {name} removed"
            elif one[0] != other[0]:
                yield f"LoRA {name}: other content"
            elif one != other:
                yield arrow(f"weight of LoRA {name}", one[1], other[1])
        if list(before) != list(now) and before.keys() == now.keys():
            yield "order of LoRAs"

    def _scheduler(self, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
        if old == new or not old or not new:
            return
        if old[0] != new[0]:
            if not self.is_other_model:
                yield Change(DENOISE, arrow("scheduler", old[0], new[0]))
            return
        for path, one, other in _leaves(old[1:], new[1:]):
            if not self.is_other_model:
                yield Change(DENOISE, arrow(".".join(("scheduler", *path[1:])), one, other))

    def _exports(self) -> Iterator[Change]:
        before, now = self.before.exports, self.now.exports
        if self.before.is_partial and len(before) != len(now):
            return
        olds, news = ({_exporter(one): one for one in side} for side in (before, now))
        added, removed = [name for name in news if name not in olds], [name for name in olds if name not in news]
        for one, other in zip(removed, added, strict=False):
            yield Change(EXPORT, f"exporter {one} -> {other}")
        yield from (Change(EXPORT, f"file {name} added") for name in added[len(removed) :])
        for name, old in olds.items():
            if name not in news:
                continue
            new = news[name]
            if old.get("version") != new.get("version"):
                yield Change(
                    EXPORT, arrow("vgpipe's own export stage: version", old.get("version"), new.get("version"))
                )
            for path, one, other in _leaves(_without(old, UPSTREAM), _without(new, UPSTREAM)):
                yield Change(EXPORT, export_words(name, path, one, other))


def _without(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def _leaves(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yields the places at which two plain values differ, with both values."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _leaves(old.get(name), new.get(name), (*path, str(name)))
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _leaves(one, other, (*path, str(number)))
    else:
        yield path, old, new


def _by_name(loras: Any, names: Mapping[str, str]) -> dict[str, list[Any]]:
    """Returns the LoRAs of a component by the name of their file: SHA-256, weight, marks."""
    lists = [one for one in list_of(loras) if isinstance(one, list | tuple) and one]
    return {str(names.get(str(one[0]), str(one[0])[:MAX_DIGEST])): list(one) for one in lists}


def _exporter(inputs: Mapping[str, Any]) -> str:
    return str(table_of(inputs.get("exporter")).get("name"))
