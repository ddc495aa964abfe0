"""What earlier runs asked for of a clip: which clip of which run is the one that a job has now."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vgpipe.clips.key_inputs import NEGATIVE, ClipInputs, ModelFacts, read_document
from vgpipe.errors import UsageError
from vgpipe.job.clip import Clip
from vgpipe.outside_file import read_outside
from vgpipe.report.values import list_of, table_of
from vgpipe.store.artifacts import RECORD_NAME
from vgpipe.store.rundir import RunDir
from vgpipe.units import MIB
from vgpipe.vocabulary import DENOISE, ENCODE, EXPORT

DIGITS = 9
"""At the end of a clip's id: a dash and the digest of its settings, which is another one as soon as one changes."""
COMPARED = ("prompt", "negative_prompt", "seed", "width", "height", "num_frames", "fps", "num_inference_steps",
            "guidance_scale", "image_sha256", "last_image_sha256", "video_sha256", "audio_sha256")  # fmt: skip
SETTINGS = ("seed", "width", "height", "num_frames", "num_inference_steps", "guidance_scale")
"""Those that denoising takes under the names that a record has for them."""
MAX_RECORD_BYTES = MIB


@dataclass(frozen=True, slots=True)
class PastClip:
    """A clip of an earlier run.

    Attributes:
        run: the directory of that run.
        record: its line in clips.jsonl, of any types.
        inputs: what its keys were made of.
    """

    run: Path
    record: Mapping[str, Any]
    inputs: ClipInputs


@dataclass(frozen=True)
class PastRun:
    """An earlier run.

    Attributes:
        root: its directory.
        store: the root of the store, in which what older versions recorded of a clip may still be.
    """

    root: Path
    store: Path
    _run_dir: RunDir = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_run_dir", RunDir(self.root))

    @cached_property
    def records(self) -> dict[str, Mapping[str, Any]]:
        """Clip id -> its line in clips.jsonl; empty where that cannot be read."""
        try:
            return {line.clip: line.record for line in self._run_dir.read_lines().shown()}
        except UsageError:
            return {}

    @cached_property
    def jobs(self) -> tuple[str, ...]:
        """The job files, absolute; empty for a job that was given as values, or is unknown."""
        try:
            values = json.loads(read_outside(self._run_dir.record, max_bytes=64 * MIB))
        except (OSError, ValueError, RecursionError):
            return ()
        job = table_of(table_of(values).get("config")).get("job")
        return absolute_jobs([job] if isinstance(job, str) else [one for one in list_of(job) if isinstance(one, str)])

    def clip(self, name: str) -> PastClip:
        """Returns one of its clips."""
        record = self.records[name]
        return PastClip(self.root, record, self._inputs.get(name) or _recorded_by_older(self.store, record))

    @cached_property
    def _inputs(self) -> dict[str, ClipInputs]:
        return read_document(self._run_dir.read_inputs() or {})

    def like(self, clips: Sequence[Clip]) -> dict[str, str]:
        """Returns, of clips of a job that has changed since, id -> the id of the clip of this run that it was.

        A clip with the same id is the same. Else it is one with the same name, or the same prompt, and the fewest other
        settings; what is left is paired in order, as a text that was rewritten leaves no other trace.

        Args:
            clips: all of the job, in order.
        """
        found = {clip.id: clip.id for clip in clips if clip.id in self.records}
        left = [clip for clip in clips if clip.id not in found]
        ids = {clip.id for clip in clips}
        unused = {name: record for name, record in self.records.items() if name not in ids}
        for trait in (_name, _prompt):
            found |= _closest(left, unused, trait)
            left = [clip for clip in left if clip.id not in found]
        if len(left) == len(unused):
            found |= {clip.id: name for clip, name in zip(left, list(unused), strict=True)}
        return found


def absolute_jobs(jobs: Iterable[str]) -> tuple[str, ...]:
    """Returns job files as they are compared."""
    return tuple(os.path.abspath(job) for job in jobs)


def _closest(
    clips: Sequence[Clip], unused: dict[str, Mapping[str, Any]], trait: Callable[[str, Mapping[str, Any]], object]
) -> dict[str, str]:
    """Pairs clips with records that have a trait in common, the most similar ones; takes those out of `unused`."""
    groups: dict[object, list[str]] = {}
    for name, record in unused.items():
        groups.setdefault(trait(name, record), []).append(name)
    found: dict[str, str] = {}
    for clip in clips:
        names = groups.get(trait(clip.id, {"prompt": clip.prompt}), [])
        if not names:
            continue
        best = max(names, key=lambda name: _similarity(clip, unused[name]))
        names.remove(best)
        del unused[best]
        found[clip.id] = best
    return found


def _name(clip: str, _record: Mapping[str, Any]) -> object:
    return clip[:-DIGITS]


def _prompt(_clip: str, record: Mapping[str, Any]) -> object:
    return record.get("prompt")


def _similarity(clip: Clip, record: Mapping[str, Any]) -> int:
    return sum(getattr(clip, name) == record.get(name) for name in COMPARED)


def _recorded_by_older(store: Path, record: Mapping[str, Any]) -> ClipInputs:
    """Returns what is known of the inputs of a clip of a run without inputs.json: by its artifacts, and its record."""
    artifacts = table_of(record.get("artifacts"))
    stages = {ENCODE: "prompt_embeds", NEGATIVE: "negative_prompt_embeds", DENOISE: "latents"}
    folders = {NEGATIVE: ENCODE}
    known = {stage: _stored(store, folders.get(stage, stage), artifacts.get(key)) for stage, key in stages.items()}
    texts = {ENCODE: record.get("prompt"), NEGATIVE: record.get("negative_prompt")}
    settings = {name: record[name] for name in SETTINGS if name in record}
    from_record = {**{stage: {"text": text} for stage, text in texts.items() if text is not None}, DENOISE: settings}
    segment = {stage: known[stage] or from_record.get(stage, {}) for stage in stages}
    exports = tuple(found for key in list_of(artifacts.get("exports")) if (found := _stored(store, EXPORT, key)))
    model = ModelFacts(name=str(record.get("model") or ""))
    return ClipInputs(segments=(segment,), exports=exports, model=model, is_partial=True)


def _stored(store: Path, stage: str, digest: object) -> dict[str, Any]:
    """Returns the inputs in the record of an artifact; empty where it is no longer there."""
    if not isinstance(digest, str) or not digest.isalnum():
        return {}
    try:
        path = store / stage / digest[:2] / digest / RECORD_NAME
        return dict(table_of(table_of(json.loads(read_outside(path, max_bytes=MAX_RECORD_BYTES))).get("inputs")))
    except (OSError, ValueError, RecursionError):
        return {}


def newest_first(clips: Sequence[Clip], runs: Iterator[PastRun], jobs: tuple[str, ...]) -> dict[str, PastClip]:
    """Returns clip id -> the clip of the newest run that has it; of others that of the newest run of the same job.

    Args:
        clips: of the job, in order.
        runs: the newest first; only as many are read as are needed.
        jobs: the job files, as `absolute_jobs` returns them.
    """
    found: dict[str, PastClip] = {}
    same_job: PastRun | None = None
    for run in runs:
        left = [clip.id for clip in clips if clip.id not in found]
        if not left:
            break
        found |= {name: run.clip(name) for name in left if name in run.records}
        same_job = same_job or (run if run.jobs == jobs else None)
    if same_job is not None:
        pairs = same_job.like(clips)
        found = {clip: same_job.clip(name) for clip, name in pairs.items() if clip not in found} | found
    return found
