"""Which segment of a long clip shows each of the images that the clip is given at frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vgpipe.job.clip import Clip, PlacedImage
from vgpipe.job.segment import Segment


def with_given_frames(clip: Clip, segments: Sequence[Segment]) -> list[Segment]:
    """Returns segments with the images that fall into each: the first that makes a frame shows it.

    Args:
        clip: the whole clip.
        segments: of chains, in order.
    """
    if clip.last_image is None and not clip.images:
        return list(segments)
    wanted = list(clip.images)
    if clip.last_image is not None:
        sha256 = clip.last_image_sha256 or ""
        wanted.append(PlacedImage(frame=clip.num_frames - 1, image=clip.last_image, image_sha256=sha256))
    made, done = [], 0
    for segment in segments:
        begin = done - segment.start  # where in the clip its first decoded frame is
        own = [one for one in wanted if one.frame < begin + segment.end]
        wanted = wanted[len(own) :]
        made.append(replace(segment, clip=_showing(segment.clip, own, begin)))
        done += segment.stop - segment.start
    return made


def _showing(clip: Clip, images: Sequence[PlacedImage], begin: int) -> Clip:
    """Returns a pass with images of the whole clip, in which its own first frame has the number `begin`."""
    for one in images:
        frame, last = one.frame - begin, clip.num_frames - 1
        if frame == 0:
            clip = replace(clip, image=one.image, image_sha256=one.image_sha256)
        elif frame == last:
            clip = replace(clip, last_image=one.image, last_image_sha256=one.image_sha256)
        else:
            clip = replace(clip, images=(*clip.images, replace(one, frame=frame)))
    return clip
