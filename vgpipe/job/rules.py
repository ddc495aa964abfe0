"""What sizes and frame counts a model can make, and whether it starts from an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vgpipe.job.settings import ContinuationMethod, VideoUse

TAKES_IMAGES = "model=wan22_ti2v_5b"
"""An example of a model that takes images."""
REMEDIES = {
    "image": TAKES_IMAGES,
    "last_image": "model=wan21_vace_1_3b",
    "images": "model=wan21_vace_1_3b",
    "continue": "model=wan21_vace_1_3b",
    "restyle": "model=wan21_t2v_1_3b",
}
"""What a clip is given -> an example of a model that takes it."""
AUTO = "auto"
"""What leaves it to the checkpoint whether a clip begins with an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeRules:
    """The sizes and frame counts that a model can make; the values come from `conf/model`.

    Attributes:
        side_multiple: width and height are multiples of this, in pixels.
        min_side: the smallest width or height, in pixels.
        max_side: the largest width or height, in pixels.
        frames_step: a frame count is `frames_offset` plus a multiple of this.
        frames_offset: see `frames_step`.
        max_num_frames: the largest frame count.
        min_num_frames: the smallest frame count.
        fps: frames a second, where the model makes no others, as its sound has a speed; None for any.
        image: whether a clip has an image as its first frame: "never", "optional" or "required"; "auto"
            where the checkpoint says it.
        last_image: the same of its last frame.
        images: whether it may have images at other places: "never" or "optional".
        video: what it can make of a given video: "continue" it, "restyle" it, both or nothing.
        audio: whether the model makes sound beside the frames.
        continuations: how it can continue a clip beyond `max_num_frames`, best first.
        segment_num_frames: frames of a segment of a long clip; None for the reference's.
        min_segment_num_frames: fewest frames of a segment; None for half of a whole one.
        overlap_num_frames: frames that a segment shares with the one before, where the method is "frames".
        image_overlap_num_frames: the same where it is "image"; the first of them conditions the segment.
        window_overlap_num_frames: frames that neighbouring windows share; None for half of a window.
        native_overlap_num_frames: frames whose latents a section shares with the one before, where it is "native"; 0
            where the model makes all sections in one pass.
    """

    side_multiple: int = 16
    min_side: int = 32
    max_side: int = 1280
    frames_step: int = 4
    frames_offset: int = 1
    max_num_frames: int = 81
    min_num_frames: int = 1
    fps: float | None = None
    image: str = "never"
    last_image: str = "never"
    images: str = "never"
    video: tuple[VideoUse, ...] = ()
    audio: bool = False
    continuations: tuple[ContinuationMethod, ...] = ()
    segment_num_frames: int | None = None
    min_segment_num_frames: int | None = None
    overlap_num_frames: int = 1
    image_overlap_num_frames: int = 1
    window_overlap_num_frames: int | None = None
    native_overlap_num_frames: int = 0

    @property
    def smallest_side(self) -> int:
        """The smallest side that keeps both the limits and the multiple, in pixels."""
        return -(-max(self.min_side, 1) // self.side_multiple) * self.side_multiple

    @property
    def largest_side(self) -> int:
        """The largest side that keeps both the limits and the multiple, in pixels."""
        return self.max_side // self.side_multiple * self.side_multiple

    @property
    def smallest_num_frames(self) -> int:
        """The smallest frame count that keeps both the limit and the step."""
        return next_on_step(self.min_num_frames, step=self.frames_step, offset=self.frames_offset)

    @property
    def largest_num_frames(self) -> int:
        """The largest frame count that keeps both the limit and the step."""
        steps = (self.max_num_frames - self.smallest_num_frames) // self.frames_step
        return self.smallest_num_frames + max(steps, 0) * self.frames_step

    def allows_side(self, side: int) -> bool:
        """Returns whether a width or height of `side` pixels can be made."""
        return self.min_side <= side <= self.max_side and side % self.side_multiple == 0

    def nearest_side(self, side: int) -> int:
        """Returns the side nearest to `side` that can be made, in pixels; the larger one of two."""
        rounded = (2 * side + self.side_multiple) // (2 * self.side_multiple) * self.side_multiple
        return min(max(rounded, self.smallest_side), self.largest_side)

    def allows_num_frames(self, num_frames: int) -> bool:
        """Returns whether a video of `num_frames` frames can be made."""
        on_step = (num_frames - self.frames_offset) % self.frames_step == 0
        return self.min_num_frames <= num_frames <= self.max_num_frames and on_step

    def nearest_num_frames(self, num_frames: int) -> int:
        """Returns the frame count nearest to `num_frames` that can be made; the larger one of two."""
        steps = (2 * (num_frames - self.smallest_num_frames) + self.frames_step) // (2 * self.frames_step)
        rounded = self.smallest_num_frames + steps * self.frames_step
        return min(max(rounded, self.smallest_num_frames), self.largest_num_frames)

    def num_frames_for(self, seconds: float, fps: float) -> int:
        """Returns the smallest frame count on the step that lasts `seconds` at `fps`.

        It is not cut at `max_num_frames`: ask `allows_num_frames` whether it can be made.

        Args:
            seconds: duration, above 0.
            fps: frames a second, above 0.

        Returns:
            The smallest count on the step that is at least `round(seconds * fps)`.
        """
        return next_on_step(round(seconds * fps), step=self.frames_step, offset=self.frames_offset)

    def describe_sides(self) -> str:
        """Describes which sides can be made, for a message."""
        return f"multiples of {self.side_multiple} from {self.smallest_side} to {self.largest_side}"

    def describe_num_frames(self) -> str:
        """Describes which frame counts can be made, for a message."""
        first, last = self.smallest_num_frames, self.largest_num_frames
        if self.frames_step == 1:
            return f"{first} to {last} frames"
        shown = [first + step * self.frames_step for step in range(3)]
        return f"{', '.join(str(n) for n in shown if n < last)}, ... {last} frames"


def frames_of_video(rules: ShapeRules, num_frames: int) -> int:
    """Returns how many of a video's last frames come first in a clip that continues it.

    Args:
        rules: what the model can make.
        num_frames: of the clip.

    Returns:
        As many as a segment of a long clip is given by the one before, where the model takes several; else 1.
    """
    if "frames" not in rules.continuations or rules.overlap_num_frames >= num_frames:
        return 1
    return rules.overlap_num_frames


def next_on_step(num_frames: int, *, step: int, offset: int) -> int:
    """Returns the smallest count of at least `num_frames` and 1 that is `offset` plus a multiple of `step`."""
    first = (offset - 1) % step + 1
    return first + max(0, -(-(num_frames - first) // step)) * step


@dataclass(frozen=True, slots=True)
class ShapeFault:
    """A setting that asks for what the model cannot make.

    Attributes:
        field: the setting.
        what: what is wrong, and what the model can make.
        remedy: the nearest that it can make.
    """

    field: str
    what: str
    remedy: str


def shape_faults(values: Mapping[str, object], rules: ShapeRules) -> Iterator[ShapeFault]:
    """Yields the faults of the `width`, `height`, `num_frames` and `fps` among some settings.

    Args:
        values: setting -> value; what is not a number is passed over.
        rules: what the model can make.
    """
    fps = values.get("fps")
    if rules.fps is not None and isinstance(fps, int | float) and fps != rules.fps:
        yield ShapeFault("fps", f"fps is {fps:g}; the model makes {rules.fps:g} alone", f"fps: {rules.fps:g}")
    for field in ("width", "height"):
        side = _whole(values.get(field))
        if side is not None and not rules.allows_side(side):
            what = f"{field} is {side}; the model makes {rules.describe_sides()}"
            yield ShapeFault(field, what, f"the nearest is {field}: {rules.nearest_side(side)}")
    count = _whole(values.get("num_frames"))
    is_long = count is not None and bool(rules.continuations) and count > rules.largest_num_frames
    if count is not None and not is_long and not rules.allows_num_frames(count):
        what = f"num_frames is {count}; the model makes {rules.describe_num_frames()}"
        yield ShapeFault("num_frames", what, f"the nearest is num_frames: {rules.nearest_num_frames(count)}")


def duration_fault(seconds: float, fps: float, rules: ShapeRules) -> ShapeFault | None:
    """Returns the fault of a duration that is too long or too short for the model, or None.

    Args:
        seconds: duration, above 0.
        fps: frames a second, above 0.
        rules: what the model can make.
    """
    count = rules.num_frames_for(seconds, fps)
    if rules.allows_num_frames(count):
        return None
    what = f"seconds is {seconds:g}, which is {count} frames at {fps:g} fps"
    what = f"{what}; the model makes {rules.describe_num_frames()}"
    if count < rules.smallest_num_frames:
        return ShapeFault("seconds", what, f"at least seconds: {rules.smallest_num_frames / fps:.3g} at this fps")
    # Rounded down, so that what the message advises is not itself too long.
    longest = int(rules.largest_num_frames / fps * 1000) / 1000
    return ShapeFault("seconds", what, f"at most seconds: {longest:g} at this fps")


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
