"""A clip at another size, with what it is given at the same places."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.job.clip import Clip, PlacedImage


def resized(clip: Clip, *, width: int, height: int, num_frames: int) -> Clip:
    """Returns a clip of another size: images stay at their share of its time, and are cropped to its shape.

    Args:
        clip: the clip.
        width: pixels.
        height: pixels.
        num_frames: frames.
    """
    has_same_size = (width, height) == (clip.width, clip.height)
    begins_with = clip.video_num_frames
    return replace(
        clip,
        width=width,
        height=height,
        num_frames=num_frames,
        images=_moved(clip, num_frames),
        fit=clip.fit if has_same_size or not clip.is_given_frames else clip.fit or "cover",
        video_num_frames=1 if begins_with is not None and begins_with >= num_frames else begins_with,
    )


def _moved(clip: Clip, num_frames: int) -> tuple[PlacedImage, ...]:
    """Returns the images at frames of a clip with another number of them; of those that meet, the first."""
    if num_frames == clip.num_frames or not clip.images:
        return clip.images
    share = (num_frames - 1) / max(1, clip.num_frames - 1)
    moved: dict[int, PlacedImage] = {}
    for one in clip.images:
        frame = round(one.frame * share)
        if 0 < frame < num_frames - 1:
            moved.setdefault(frame, replace(one, frame=frame))
    return tuple(moved.values())
