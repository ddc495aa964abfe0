"""Refuses what the family of a model cannot make of a clip, before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vgpipe.errors import ConfigError, Fault, fault_of
from vgpipe.job.clip import Clip
from vgpipe.models.base import WHOLE_SCHEDULE, Family

IMAGE, FRAMES = "image", "frames"
START, STOP = "guidance_start", "guidance_stop"


def refuse_what_no_family_makes(family: Family, clips: Iterable[Clip], *, drafted: bool) -> None:
    """Refuses drafts, guidance intervals, steps and images where the model's family has no way to make them.

    Args:
        family: drives the model.
        clips: those to make.
        drafted: whether some of them stop at a preview.

    Raises:
        ConfigError: naming the setting, the reason and what to type.
    """
    faults = list(dict.fromkeys(_faults(family, clips, drafted)))
    if faults:
        raise ConfigError("the model cannot make this; nothing was started", faults)


def _faults(family: Family, clips: Iterable[Clip], drafted: bool) -> Iterator[Fault]:
    clips = tuple(clips)
    for steps in sorted({steps for clip in clips for steps in _steps(clip)}):
        if obstacle := family.steps_obstacle(steps):
            yield fault_of("num_inference_steps", obstacle)
    if any(map(_starts_from_image, clips)) and (obstacle := family.image_obstacle()):
        yield fault_of("image", obstacle)
    if drafted and (obstacle := family.draft_obstacle()):
        yield fault_of("draft", obstacle)
    limited = {interval for clip in clips if (interval := _interval(clip)) != WHOLE_SCHEDULE}
    for start, stop in sorted(limited):
        if start >= stop:
            yield Fault(START, f"{start:g} is not below {STOP} ({stop:g})", f"a number below {STOP}")
    if limited and (obstacle := family.interval_obstacle()):
        yield fault_of(f"{START}, {STOP}", obstacle)


def _steps(clip: Clip) -> set[int]:
    later = clip.continuation
    others = {later.num_inference_steps} if later is not None and later.method in (IMAGE, FRAMES) else set()
    return {clip.num_inference_steps} | others


def _starts_from_image(clip: Clip) -> bool:
    return clip.is_given_frames or (clip.continuation is not None and clip.continuation.method == IMAGE)


def _interval(clip: Clip) -> tuple[float, float]:
    return clip.guidance_start, clip.guidance_stop
