"""The settings of a clip, each declared once.

A field here is the whole declaration of a setting: its name, type, range, meaning and who may set it. From it derive
`clip.*` of the command line, what job files and CSV columns may hold, the quality presets and model references of the
config, the list in `--help`, the clip's line in clips.jsonl, the recipe in a finished file, and the commands that the
report offers. A new setting is a new field of `ClipSettings`, with a default so that records made by older versions can
still be read, and whatever uses its value.

Imports nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Flag, auto
from typing import Annotated, Literal

MAX_SEED = 2**64 - 1
"""The largest that torch.Generator.manual_seed takes."""
MAX_SIDE = 16_384
MAX_NUM_FRAMES = 10_000_000
AUTO = "auto"
RANDOM = "random"
MAX_TAKES = 100_000
MAX_BEST_OF = 1_000
Marks = list[int | str]
"""Points of a clip's denoising: numbers of steps, or shares of all of them such as `40%`."""
Placements = list[str]
"""Image files at frames of a clip: `24: middle.png` each; numbers below 0 count from the end."""
ContinuationMethod = Literal["image", "frames", "window", "native"]
"""How a long clip is continued from segment to segment."""
Fit = Literal["cover", "contain", "stretch"]
"""How pictures of another size are brought to the clip's."""
VideoUse = Literal["continue", "restyle"]
"""What becomes of a given video."""


class SetBy(Flag):
    """Who may set a setting."""

    JOB = auto()
    COMMAND_LINE = auto()
    QUALITY = auto()
    MODEL = auto()
    USER = JOB | COMMAND_LINE
    USER_OR_MODEL = USER | MODEL
    ANYONE = USER | QUALITY | MODEL


@dataclass(frozen=True, slots=True)
class Setting:
    """What is declared of a setting beside its name and type.

    Attributes:
        meaning: what it is, for `--help`.
        set_by: who may set it.
        allowed: what it may hold, in words; "" derives that from its type and range.
        at_least: the smallest number.
        above: a number that it must exceed.
        at_most: the largest number.
        may_be_empty: whether it may be an empty text.
        has_places: whether its text may hold `{name}` places that a matrix fills.
        if_unset: its value where no source sets it and the field has no default; None: a source must set it.
        spelling_of: the setting that this is another spelling of.
        words: what a user may write in the place of a number, which resolving the job replaces by one.
        recorded_as: where a clip's record holds it; empty for its own name.
    """

    meaning: str
    set_by: SetBy = SetBy.USER
    allowed: str = ""
    _: KW_ONLY
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    may_be_empty: bool = False
    has_places: bool = False
    if_unset: object = None
    spelling_of: str = ""
    words: tuple[str, ...] = ()
    recorded_as: tuple[str, ...] = ()


_PIXELS, _COUNT = "a whole number of pixels", "a whole number from 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSettings:
    """The settings that a clip holds as they are."""

    prompt: Annotated[str, Setting("what the video shows", SetBy.COMMAND_LINE, has_places=True)]
    negative_prompt: Annotated[
        str,
        Setting("what guidance steers away from", SetBy.USER_OR_MODEL, may_be_empty=True, has_places=True, if_unset=""),
    ]
    seed: Annotated[
        int,
        Setting(
            "seed of the noise; random draws one",
            SetBy.USER_OR_MODEL,
            at_least=0,
            at_most=MAX_SEED,
            if_unset=0,
            words=(RANDOM,),
        ),
    ]
    width: Annotated[int, Setting("width, pixels", SetBy.USER_OR_MODEL, _PIXELS, at_least=1, at_most=MAX_SIDE)]
    height: Annotated[int, Setting("height, pixels", SetBy.USER_OR_MODEL, _PIXELS, at_least=1, at_most=MAX_SIDE)]
    num_frames: Annotated[
        int, Setting("frames of the video", SetBy.USER_OR_MODEL, _COUNT, at_least=1, at_most=MAX_NUM_FRAMES)
    ]
    fps: Annotated[float, Setting("frames per second of playback", SetBy.USER_OR_MODEL, at_least=0.1, at_most=240)]
    num_inference_steps: Annotated[int, Setting("denoising steps", SetBy.ANYONE, at_least=1, at_most=1000)]
    guidance_scale: Annotated[
        float, Setting("classifier-free guidance; 1 or less turns it off", SetBy.ANYONE, at_least=0, at_most=100)
    ]
    image: Annotated[
        str | None, Setting("image file, the first frame", SetBy.USER, "the path of an image file", has_places=True)
    ] = None
    guidance_start: Annotated[
        float, Setting("share of the steps after which guidance starts", SetBy.USER, at_least=0, at_most=1)
    ] = 0.0
    guidance_stop: Annotated[
        float, Setting("share of the steps after which guidance stops", SetBy.USER, at_least=0, at_most=1)
    ] = 1.0
    last_image: Annotated[
        str | None, Setting("image file, the last frame", SetBy.USER, "the path of an image file", has_places=True)
    ] = None
    video: Annotated[
        str | None,
        Setting(
            "video file that is continued, or with `strength` restyled",
            SetBy.USER,
            "the path of a video file",
            has_places=True,
        ),
    ] = None
    strength: Annotated[
        float | None,
        Setting(
            "how much of the video is changed; 1 leaves nothing of it",
            SetBy.USER,
            "a number above 0, at most 1",
            above=0,
            at_most=1,
        ),
    ] = None
    fit: Annotated[
        Fit | None,
        Setting("what becomes of pictures of another shape: crop, pad or stretch"),
    ] = None
    audio: Annotated[
        str | None,
        Setting(
            "its sound: the model's (model), that of a file, or none",
            SetBy.USER,
            "none, model or the path of a sound file",
            has_places=True,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LongClipSettings:
    """The settings of long clips; a clip holds them as its `continuation`, with the model's own lengths."""

    continuation: Annotated[
        Literal["auto", ContinuationMethod],
        Setting("how a clip longer than the model makes at once is continued", recorded_as=("continuation", "method")),
    ]
    segment_num_frames: Annotated[
        int,
        Setting(
            "frames of one segment or window; also splits what fits at once",
            SetBy.USER,
            _COUNT,
            at_least=1,
            at_most=MAX_NUM_FRAMES,
            recorded_as=("continuation", "segment_num_frames"),
        ),
    ]
    segment_num_inference_steps: Annotated[
        int,
        Setting(
            "denoising steps of the segments after the first",
            SetBy.USER | SetBy.QUALITY,
            at_least=1,
            at_most=1000,
            recorded_as=("continuation", "num_inference_steps"),
        ),
    ]
    match_color: Annotated[
        bool,
        Setting(
            "match their colour and contrast to the segment before",
            SetBy.USER | SetBy.QUALITY,
            recorded_as=("continuation", "match_color"),
        ),
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedSettings:
    """Images at places of a clip; a clip holds them as its `images`, with the digest of each."""

    images: Annotated[
        Placements,
        Setting(
            "image files at further frames, by their number",
            SetBy.USER,
            "frame numbers, each with the path of an image file, such as {24: a.png, 48: b.png}",
            has_places=True,
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSpellings:
    """Further ways to write settings; a clip holds what they resolve to."""

    seconds: Annotated[
        float,
        Setting(
            "length, in place of num_frames",
            SetBy.USER,
            "a number above 0, at most 86400",
            above=0,
            at_most=86_400,
            spelling_of="num_frames",
        ),
    ]
    seeds: Annotated[
        list[int],
        Setting(
            "one clip for each seed, in place of seed", SetBy.JOB, at_least=0, at_most=MAX_SEED, spelling_of="seed"
        ),
    ]
    takes: Annotated[
        int, Setting("clips of each prompt, with the seeds that follow `seed`", at_least=1, at_most=MAX_TAKES)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestOfSettings:
    """The settings of a contest between seeds; a clip holds what they resolve to as its `contest`."""

    best_of: Annotated[
        int,
        Setting(
            "clips of as many seeds compete as previews; the best is finished",
            SetBy.USER | SetBy.QUALITY,
            at_least=1,
            at_most=MAX_BEST_OF,
        ),
    ]
    best_of_keep: Annotated[
        int,
        Setting("how many of them are finished", SetBy.USER | SetBy.QUALITY, at_least=1, at_most=MAX_BEST_OF),
    ]
    best_of_at: Annotated[
        Marks,
        Setting(
            "after which steps they are judged; the better half stays",
            SetBy.USER | SetBy.QUALITY,
            "a list of whole numbers from 1 or shares such as 40%, each above the one before",
        ),
    ]
