"""One video to make, as a frozen record."""

from __future__ import annotations

from dataclasses import dataclass

from vgpipe.job.settings import ClipSettings, ContinuationMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A part of a clip with a prompt of its own.

    Attributes:
        prompt: what it should show.
        num_frames: how many frames of the finished clip it has.
        cut: whether it starts with a cut rather than continuing the shot before.
    """

    prompt: str
    num_frames: int
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """How a clip that the model cannot make at once is made, segment by segment.

    Attributes:
        method: `image`, `frames`, `window` or `native`; see docs/long-clips.md.
        segment_num_frames: most frames of one pass, or of one window.
        min_segment_num_frames: fewest frames of one pass; surplus frames are cut off.
        overlap_num_frames: frames that a segment shares with the one before, or a window with its neighbour; 0 with
            `native` where the model makes all its sections in one pass.
        frames_step: passes have `frames_offset` plus a multiple of this many frames.
        frames_offset: see `frames_step`.
        num_inference_steps: denoising steps of the segments after the first.
        match_color: whether their colour and contrast are matched to the segment before.
    """

    method: ContinuationMethod
    segment_num_frames: int
    min_segment_num_frames: int
    overlap_num_frames: int
    frames_step: int
    frames_offset: int
    num_inference_steps: int
    match_color: bool

    @property
    def is_one_pass(self) -> bool:
        """Whether all segments up to a cut are pieces of one denoising pass."""
        return self.method == "window" or (self.method == "native" and self.overlap_num_frames == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What clips that differ in their seed alone compete by; nothing of it changes the bits of any of them.

    Attributes:
        name: the id of the first of them; "" before it is known.
        best_of: how many compete, at least 2.
        keep: how many are finished, from 1 to `best_of` - 1.
        at: the steps after which they are judged, rising, all below those of the clip. The better half stays each time;
            after the last, `keep` of them.
    """

    name: str
    best_of: int
    keep: int
    at: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedImage:
    """An image at a frame of a clip.

    Attributes:
        frame: index of the frame, from 0.
        image: absolute path of the file.
        image_sha256: SHA-256 of its bytes when the job was read, 64 hex digits.
    """

    frame: int
    image: str
    image_sha256: str


SILENT = "none"
"""What a clip's `audio` is in place of a path where its model makes sound that is left out."""


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that a clip is given.

    Attributes:
        setting: the one that names it.
        path: absolute.
        sha256: of its bytes, 64 hex digits; None in a record that lacks it.
    """

    setting: str
    path: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(ClipSettings):
    """One video to make, with every setting resolved.

    Attributes:
        id: a readable slug, "-" and 8 hex digits of the digest of its settings (of an image its content, not its path);
            at most 80 bytes of UTF-8, unique in its job on any file system.
        model: name of the option of `conf/model`, for example "shapes".
        image: absolute path of the image that is the video's first frame; None without one.
        image_sha256: SHA-256 of that file's bytes when the job was read, 64 hex digits; None without one.
        shots: its parts, where it has several prompts; `prompt` is then that of the first. Else empty.
        continuation: how its segments are made and joined; None for a clip that is made at once.
        name: stem of its files, where `run.name` gives one, else that is its id; at most 250 bytes of UTF-8, unique in
            its run.
        contest: what it competes in; None for a clip that is finished in any case.
        last_image: likewise, the video's last frame.
        last_image_sha256: likewise.
        images: further frames that are given, in order.
        video: absolute path of the video that it continues, or restyles with `strength`; None without one.
        video_sha256: likewise.
        video_num_frames: how many of the video's last frames come first where it is continued; None for any other clip.
        fit: how pictures of another size than the clip's are brought to it; None where all have its size, and of
            records that older versions wrote, whose image the stock pipeline resizes as it does.
        audio: absolute path of the sound file that is laid under it; `none` where the model makes sound that is left
            out; None for what the model makes, if anything.
        audio_sha256: SHA-256 of that file's bytes when the job was read, 64 hex digits; None without one.
        prompt_template: the prompt as written, where `{a|b}` or `__list__` in it was chosen from; None for any other.
    """

    id: str
    model: str
    image_sha256: str | None = None
    shots: tuple[Shot, ...] = ()
    continuation: Continuation | None = None
    prompt_template: str | None = None
    name: str | None = None
    contest: Contest | None = None
    last_image_sha256: str | None = None
    images: tuple[PlacedImage, ...] = ()
    video_sha256: str | None = None
    video_num_frames: int | None = None
    audio_sha256: str | None = None

    @property
    def is_given_frames(self) -> bool:
        """Whether any image or video is given."""
        return bool(self.images) or any(one is not None for one in (self.image, self.last_image, self.video))

    @property
    def skipped_steps(self) -> int:
        """How many of its steps are not made, as a restyled video is their result; counted as diffusers counts."""
        if self.strength is None or self.video is None:
            return 0
        return self.num_inference_steps - min(int(self.num_inference_steps * self.strength), self.num_inference_steps)

    @property
    def given_files(self) -> tuple[GivenFile, ...]:
        """Every image, video and sound that is given."""
        named = (
            ("image", self.image, self.image_sha256),
            ("last_image", self.last_image, self.last_image_sha256),
            ("video", self.video, self.video_sha256),
            ("audio", None if self.audio == SILENT else self.audio, self.audio_sha256),
        )
        alone = (GivenFile(setting, path, sha256) for setting, path, sha256 in named if path is not None)
        placed = (GivenFile("images", one.image, one.image_sha256) for one in self.images)
        return (*alone, *placed)

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        return self.name or self.id
