"""A clip's line in clips.jsonl (docs/clips-jsonl.md): the only place that writes one, and reads one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from vgpipe.clips.clip_state import ClipState, SegmentState, Status
from vgpipe.clips.contest_state import judge_of_record, record_of_contest, scores_of_record
from vgpipe.clips.degradation import EXPORTER, MODEL
from vgpipe.job.clip import Clip
from vgpipe.job.declared import set_by
from vgpipe.job.naming import MAX_ID_BYTES, MAX_STEM_BYTES
from vgpipe.job.placements import MAX_PLACED
from vgpipe.job.settings import SetBy
from vgpipe.quality.verdict import Verdict
from vgpipe.report.values import float_of, list_of, seconds_of, table_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SAFE_ID = re.compile(r"[^\\/:*?\"<>|\x00-\x1f.][^\\/:*?\"<>|\x00-\x1f]*")
SHA256 = re.compile(r"[0-9a-f]{64}")
MADE = ("model", *(one.name for one in set_by(SetBy.MODEL) if one.default is None))
"""What another model or a smaller clip may change: the settings that every model's reference gives."""
RECORDED_AS = {item.name: "clip" if item.name == "id" else item.name for item in fields(Clip)}
"""Field of a clip -> its key in a record."""
OF_SEGMENT = ("prompt", "seed", "num_frames", "num_inference_steps")


@dataclass(frozen=True, slots=True)
class PastRecord:
    """What an earlier attempt at a run recorded of a clip, as far as the next attempt uses it.

    Attributes:
        is_done: whether it was done, or drafted.
        draft_steps: the steps after which it was to stop; None of a clip made to the end.
        is_reused: whether all its files came from the store then.
        is_other_model: whether another model made it.
        files: kind -> path relative to the run.
        replacement_kinds: kinds of the files that another encoder wrote than the one asked for.
        seconds: stage -> seconds.
        peak_ram_gb: largest peak of RAM, GiB.
        peak_vram_gb: the same for the GPU.
        measures: what its frames measure; None where nothing was measured.
        contest_scores: steps -> its score there, where it competes; None where the judge knew none.
        contest_judge: who gave the last of them; "" where nobody did.
    """

    is_done: bool = False
    draft_steps: int | None = None
    is_reused: bool = False
    is_other_model: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    replacement_kinds: frozenset[str] = frozenset()
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_ram_gb: float | None = None
    peak_vram_gb: float | None = None
    measures: Mapping[str, float] | None = None
    contest_scores: Mapping[int, float | None] = field(default_factory=dict)
    contest_judge: str = ""

    @property
    def is_made(self) -> bool:
        """Whether what was asked for was there."""
        return self.is_done


def record_of(state: ClipState) -> dict[str, Any]:
    """Returns a clip's line in clips.jsonl, as plain values."""
    return {
        "clip": state.id,
        "state": state.status.value,
        **_facts(state.requested),
        "draft_steps": state.draft,
        "files": state.files,
        "artifacts": {
            "prompt_embeds": state.keys.prompt.digest,
            "negative_prompt_embeds": state.keys.negative.digest if state.keys.negative else None,
            "latents": state.keys.latents.digest,
            **({"preview": state.keys.preview.digest} if state.keys.preview else {}),
            "export": state.keys.exports[0].digest,
            "exports": [key.digest for key in state.keys.exports],
            **_of_segments(state),
        },
        "reused": state.is_reused,
        "seconds": state.seconds,
        "predicted_peak_gb": state.predicted_peak_gb,
        "peak_ram_gb": state.peak_ram_gb,
        "peak_vram_gb": state.peak_vram_gb,
        "degradations": [asdict(degradation) for degradation in state.all_degradations],
        "notes": list(state.notes),
        "segments": [_segment_record(segment) for segment in state.segments] if state.is_long else [],
        "measures": state.measures,
        "sound": state.sound,
        "checks": None if state.verdicts is None else [_verdict(one) for one in state.verdicts],
        "score": None if state.score is None else asdict(state.score),
        "standing": None if state.contest is None else record_of_contest(state.contest),
        "rejected": state.is_rejected,
        "made": _made(state),
        "error": state.error,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {**asdict(verdict), "result": verdict.result.value}


def _made(state: ClipState) -> dict[str, Any] | None:
    """Returns the settings that a clip was made with where they are not those asked for; its seed only then, too."""
    if state.clip == state.requested:
        return None
    seed = {"seed": state.clip.seed} if state.clip.seed != state.requested.seed else {}
    return {**{name: getattr(state.clip, name) for name in MADE}, **seed}


def _facts(clip: Clip) -> dict[str, Any]:
    """Returns the fields of a clip but its id, as plain values; `asdict` would copy each deeply."""
    facts = {name: getattr(clip, name) for name in RECORDED_AS if name != "id"}
    facts["shots"] = [asdict(shot) for shot in clip.shots]
    facts["images"] = [asdict(one) for one in clip.images]
    facts["continuation"] = asdict(clip.continuation) if clip.continuation else None
    facts["contest"] = {**asdict(clip.contest), "at": list(clip.contest.at)} if clip.contest else None
    return facts


def _of_segments(state: ClipState) -> dict[str, list[str]]:
    """Returns what all segments of a clip need until it is done, so that nothing of it is taken for garbage."""
    keys = [segment.keys for segment in state.segments]
    texts = dict.fromkeys(text.digest for one in keys for text in one.texts)
    tails = [one.tail.digest for one in keys if one.tail is not None]
    return {"texts": list(texts), "frames": [one.frames.digest for one in keys], "tails": tails}


def _segment_record(state: SegmentState) -> dict[str, Any]:
    segment = state.segment
    return {
        "shot": segment.shot,
        **{name: getattr(segment.clip, name) for name in OF_SEGMENT},
        "given_num_frames": segment.given,
        **({"history_num_frames": segment.history} if segment.history else {}),
        "delivered": [segment.start, segment.stop],
        "latents": state.keys.latents.digest,
        "seconds": state.seconds,
    }


def past_record(record: Mapping[str, Any]) -> PastRecord:
    """Returns what a line of clips.jsonl says, as far as the next attempt uses it; values of other types are left out.

    Args:
        record: the line, which may be one without a checksum.
    """
    degradations = [table_of(one) for one in list_of(record.get("degradations"))]
    got = (str(one.get("got")) for one in degradations if one.get("kind") == EXPORTER)
    files = table_of(record.get("files"))
    measures = {name: float_of(value) for name, value in table_of(record.get("measures")).items()}
    return PastRecord(
        is_done=record.get("state") in (Status.DONE.value, Status.DRAFTED.value),
        draft_steps=steps if isinstance(steps := record.get("draft_steps"), int) else None,
        is_reused=bool(record.get("reused")),
        is_other_model=any(one.get("kind") == MODEL for one in degradations),
        files={kind: path for kind, path in files.items() if isinstance(path, str)},
        replacement_kinds=frozenset(name.partition(" ")[0] for name in got),
        seconds=seconds_of(record.get("seconds")),
        peak_ram_gb=float_of(record.get("peak_ram_gb")),
        peak_vram_gb=float_of(record.get("peak_vram_gb")),
        measures={name: value for name, value in measures.items() if value is not None} or None,
        contest_scores=scores_of_record(record),
        contest_judge=judge_of_record(record),
    )


def clip_of_record(record: Mapping[str, Any]) -> Clip:
    """Returns the clip that a line of clips.jsonl describes; lines without the keys of its images have none.

    Raises:
        ValueError: saying what is missing, of a wrong type or not safe as a file name.
    """
    from pydantic import ValidationError

    settings = {name: record[key] for name, key in RECORDED_AS.items() if key in record}
    try:
        clip = _validator().validate_json(json.dumps(settings), strict=True)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}") from None
    if not SAFE_ID.fullmatch(clip.id) or len(clip.id.encode()) > MAX_ID_BYTES:
        raise ValueError(f"clip: {clip.id[:80]!r} is not a clip id")
    if clip.name is not None and (not SAFE_ID.fullmatch(clip.name) or len(clip.name.encode()) > MAX_STEM_BYTES):
        raise ValueError(f"name: {clip.name[:80]!r} is not the name of a file")
    _check_given(clip)
    _check_continuation(clip)
    _check_contest(clip)
    return clip


@cache
def _validator() -> TypeAdapter[Clip]:
    from pydantic import TypeAdapter

    return TypeAdapter(Clip)  # takes milliseconds to build, and a run may have thousands of clips


def _check_continuation(clip: Clip) -> None:
    """Refuses lengths with which a clip would have segments without end."""
    how = clip.continuation
    if how is None:
        return
    is_sound = how.frames_step >= 1 and how.frames_offset >= 0 and how.num_inference_steps >= 1
    if not is_sound or not 0 <= how.overlap_num_frames < how.segment_num_frames or how.segment_num_frames < 2:
        raise ValueError(f"continuation: segments of {how.segment_num_frames} frames cannot be joined like this")


def _check_contest(clip: Clip) -> None:
    """Refuses a contest that could not come to an end."""
    how = clip.contest
    if how is None:
        return
    is_rising = all(one < other for one, other in pairwise((0, *how.at, clip.num_inference_steps)))
    if not how.at or not is_rising or not 1 <= how.keep < how.best_of:
        raise ValueError(f"contest: {how.keep} of {how.best_of} cannot be found at {list(how.at)[:5]}")


def _check_given(clip: Clip) -> None:
    """Refuses files that could be others by now: without their digest, or with a relative path."""
    given = {one.setting for one in clip.given_files}
    for name in ("image", "last_image", "video", "audio"):
        if name not in given and getattr(clip, f"{name}_sha256") is not None:
            raise ValueError(f"{name}: '' is not an absolute path")
    for one in clip.given_files:
        if not os.path.isabs(one.path):
            raise ValueError(f"{one.setting}: {one.path[:80]!r} is not an absolute path")
        if not SHA256.fullmatch(one.sha256 or ""):
            key = "images" if one.setting == "images" else f"{one.setting}_sha256"
            raise ValueError(f"{key}: {(one.sha256 or '')[:80]!r} is not 64 hex digits")
    if len(clip.images) > MAX_PLACED:
        raise ValueError(f"images: there are {len(clip.images)}; at most {MAX_PLACED} are allowed")
    if any(not 0 <= one.frame < clip.num_frames for one in clip.images):
        raise ValueError(f"images: a frame is outside of the clip, which has {clip.num_frames}")
    begins_with = clip.video_num_frames
    if begins_with is not None and not 1 <= begins_with < clip.num_frames:
        raise ValueError(f"video_num_frames: {begins_with} of {clip.num_frames} frames")
