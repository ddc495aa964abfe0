"""What is known of each clip while a run goes on, and how it stands in clips.jsonl."""

from __future__ import annotations

import copy
import errno
import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from vgpipe.errors import ModelError, VgpipeError
from vgpipe.job.clip import Clip
from vgpipe.job.naming import MAX_ID_BYTES
from vgpipe.job.segments import Segment
from vgpipe.memory.tracker import PeakMemory
from vgpipe.models.base import Family
from vgpipe.stages.keys import ClipKeys

SAFE_ID = re.compile(r"[^\\/:*?\"<>|\x00-\x1f.][^\\/:*?\"<>|\x00-\x1f]*")
MADE = ("model", "width", "height", "num_frames", "fps", "num_inference_steps", "guidance_scale")
SHA256 = re.compile(r"[0-9a-f]{64}")
EXPORTER = "exporter"
"""The kind of degradation where another encoder stood in."""


class State(StrEnum):
    """How far a clip is."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Degradation:
    """Something the user did not ask for, done so that a clip could finish.

    Attributes:
        kind: `model`, `dtype`, `variant`, `vae_tiling`, `weights`, `size` or `exporter`.
        asked: what was asked for, or would have been taken first.
        got: what was taken.
        reason: why.
        stage: the one stage that it holds for; None for all.
    """

    kind: str
    asked: str
    got: str
    reason: str
    stage: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.got} in place of {self.asked} ({self.reason})"


@dataclass(slots=True)
class ClipWork:
    """One clip on its way through the stages.

    Attributes:
        clip: what to make.
        keys: names of its artifacts.
        stands_for_steps: for a canary, the steps of the clips it stands for; None for a clip of the job.
        state: how far it is.
        seconds: stage -> seconds of this run.
        peaks: stage -> most memory while the clip was in it, in this run.
        peak_ram_gb: largest peak of a stage of this process, GiB.
        peak_vram_gb: the same for the GPU; None without one.
        predicted_peak_gb: largest peak of device memory that the plan foresaw, GiB; None without a plan.
        files: kind -> path relative to the run.
        measures: what its frames measure (`vgpipe/quality/`); None where nothing was measured.
        error: why it failed.
        is_reused: whether it was taken from the store whole.
        asked: the clip that the user asked for, where another model's or a smaller one stands in for it.
        degradations: what was not asked for.
        cause: what kept its model from working, where another way to load it may help.
        families: stage -> what drives it, where memory has it done otherwise than asked.
        segment: for a segment of a long clip, what it is; None for a whole clip.
        whole: the clip that it is a segment of; None for a whole clip.
        parts: the segments of a long clip, in order; empty for one that is made at once.
    """

    clip: Clip
    keys: ClipKeys
    stands_for_steps: int | None = None
    state: State = State.PENDING
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, PeakMemory] = field(default_factory=dict)
    peak_ram_gb: float | None = None
    peak_vram_gb: float | None = None
    predicted_peak_gb: float | None = None
    files: dict[str, str] = field(default_factory=dict)
    measures: dict[str, float] | None = None
    error: str | None = None
    is_reused: bool = False
    asked: Clip | None = None
    degradations: tuple[Degradation, ...] = ()
    cause: Exception | None = None
    families: dict[str, Family] = field(default_factory=dict)
    segment: Segment | None = None
    whole: ClipWork | None = field(default=None, compare=False, repr=False)
    parts: tuple[ClipWork, ...] = field(default=(), compare=False, repr=False)

    @property
    def owner(self) -> ClipWork:
        """The clip that the user gets: itself, or what it is a segment of."""
        return self.whole or self

    @property
    def segments(self) -> tuple[ClipWork, ...]:
        """What goes through the stages one after another: its segments, or itself."""
        return self.parts or (self,)

    @property
    def planned(self) -> Clip:
        """The clip that takes as much memory and time as it."""
        return self.clip if self.segment is None else self.segment.planned

    @property
    def before(self) -> ClipWork | None:
        """The segment that it goes on from; None where it begins anew."""
        if self.whole is None or self.segment is None or self.segment.is_independent:
            return None
        return self.whole.parts[self.segment.index - 1]

    @property
    def after(self) -> Segment | None:
        """The segment that goes on from it; None where none does."""
        if self.segment is None or self.is_last:
            return None
        following = self.owner.parts[self.segment.index + 1].segment
        return None if following is None or following.is_independent else following

    @property
    def is_stale(self) -> bool:
        """Whether it is a segment of a clip that was cut anew, and so of no clip any more."""
        return self.whole is not None and not any(part is self for part in self.whole.parts)

    @property
    def is_last(self) -> bool:
        """Whether its clip is complete with it."""
        return self is self.owner.segments[-1]

    @property
    def all_degradations(self) -> tuple[Degradation, ...]:
        """Its own, and those of its segments, each once."""
        return tuple(dict.fromkeys((*self.degradations, *(one for part in self.parts for one in part.degradations))))

    @property
    def is_canary(self) -> bool:
        """Whether it is a stand-in that no user asked for."""
        return self.stands_for_steps is not None

    @property
    def shape(self) -> tuple[str, int, int, int, bool]:
        """What a canary stands for: model, size and whether it begins with an image."""
        clip = self.clip
        return (clip.model, clip.width, clip.height, clip.num_frames, self.planned.image is not None)

    @property
    def id(self) -> str:
        """The id of the clip that the user asked for."""
        return (self.asked or self.clip).id

    def note_peak(self, stage: str, peak: PeakMemory) -> None:
        """Keeps the last peak of a stage, and the largest of any, also for the clip that it is a segment of."""
        if self.whole is not None:
            self.whole.note_peak(stage, peak)
        self.peaks[stage] = peak
        for name in ("ram_gb", "vram_gb"):
            seen = [value for value in (getattr(self, f"peak_{name}"), getattr(peak, name)) if value is not None]
            setattr(self, f"peak_{name}", max(seen) if seen else None)

    def take_over(self, before: Mapping[str, Any], kinds: Collection[str]) -> None:
        """Keeps what an earlier go at the run measured and delivered.

        Args:
            before: the clip's earlier record; may be empty.
            kinds: kinds of its files that are still there.
        """
        self.seconds = dict(before.get("seconds") or {})
        self.peak_ram_gb, self.peak_vram_gb = before.get("peak_ram_gb"), before.get("peak_vram_gb")
        self.files = {kind: path for kind, path in (before.get("files") or {}).items() if kind in kinds}

    def record(self) -> dict[str, Any]:
        """Returns its line in clips.jsonl (docs/clips-jsonl.md)."""
        facts = asdict(self.asked or self.clip)
        return {
            "clip": facts.pop("id"),
            "state": self.state.value,
            **facts,
            "files": self.files,
            "artifacts": {
                "prompt_embeds": self.keys.prompt.digest,
                "negative_prompt_embeds": self.keys.negative.digest if self.keys.negative else None,
                "latents": self.keys.latents.digest,
                "export": self.keys.exports[0].digest,
                "exports": [key.digest for key in self.keys.exports],
            },
            "reused": self.is_reused,
            "seconds": self.seconds,
            "predicted_peak_gb": self.predicted_peak_gb,
            "peak_ram_gb": self.peak_ram_gb,
            "peak_vram_gb": self.peak_vram_gb,
            "degradations": [asdict(degradation) for degradation in self.all_degradations],
            "segments": [part.segment_record() for part in self.parts],
            "measures": self.measures,
            "made": {name: getattr(self.clip, name) for name in MADE} if self.asked else None,
            "error": self.error,
        }

    def segment_record(self) -> dict[str, Any]:
        """Returns what a clip's line in clips.jsonl says of one of its segments."""
        segment = self.segment
        if segment is None:
            return {}
        facts = {name: getattr(self.clip, name) for name in ("prompt", "seed", "num_frames", "num_inference_steps")}
        return {
            "shot": segment.shot,
            **facts,
            "given_num_frames": segment.given,
            "delivered": [segment.start, segment.stop],
            "latents": self.keys.latents.digest,
            "seconds": self.seconds,
        }


def clip_of_record(record: Mapping[str, Any]) -> Clip:
    """Returns the clip that a line of clips.jsonl describes; lines without the keys of its image have none.

    Raises:
        ValueError: saying what is missing, of a wrong type or not safe as a file name.
    """
    from pydantic import TypeAdapter, ValidationError

    keys = {item.name: "clip" if item.name == "id" else item.name for item in fields(Clip)}
    settings = {name: record[key] for name, key in keys.items() if key in record}
    try:
        clip = TypeAdapter(Clip).validate_json(json.dumps(settings), strict=True)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}") from None
    if not SAFE_ID.fullmatch(clip.id) or len(clip.id.encode()) > MAX_ID_BYTES:
        raise ValueError(f"clip: {clip.id[:80]!r} is no clip id")
    _check_image(clip)
    return clip


def _check_image(clip: Clip) -> None:
    """Refuses an image that could be another one by now: without its digest, or depending on where one is."""
    if clip.image is None and clip.image_sha256 is None:
        return
    if clip.image is None or not os.path.isabs(clip.image):
        raise ValueError(f"image: {(clip.image or '')[:80]!r} is no absolute path")
    if not SHA256.fullmatch(clip.image_sha256 or ""):
        raise ValueError(f"image_sha256: {(clip.image_sha256 or '')[:80]!r} is not 64 hex digits")


def reason(stage: str, error: Exception) -> str:
    """Returns what the user reads: the stage and the error in one line."""
    return f"{stage}: {error if isinstance(error, VgpipeError) else f'{type(error).__name__}: {error}'}"


def model_cause(error: Exception) -> Exception | None:
    """Returns an error that another way to load the model, or another model, may help against; None for any other.

    A copy without its traceback, whose frames would keep the loaded model in memory.
    """
    return copy.copy(error) if isinstance(error, ModelError) else None


def disk_is_full(error: BaseException | None) -> bool:
    """Says whether an error, or what caused it, is a disk that takes no more: full, over quota or read-only."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return True
        error = error.__cause__
    return False
