"""One video to make, as a frozen record."""

from __future__ import annotations

from dataclasses import dataclass

SETTINGS = (
    "prompt",
    "negative_prompt",
    "seed",
    "width",
    "height",
    "num_frames",
    "fps",
    "num_inference_steps",
    "guidance_scale",
    "image",
)
"""The settings that a user may set per clip, each a field of `Clip`."""

OVERRIDES = (*SETTINGS, "seconds")
"""What may follow `clip.` on the command line: `seconds` is another spelling of `num_frames`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One video to make, with every setting resolved.

    Attributes:
        id: stem of the clip's files: a readable slug, "-" and 8 hex digits of the digest of all the
            settings below (of an image its content, not its path); at most 80 bytes of UTF-8, unique in its
            job on any file system.
        prompt: what the video should show.
        negative_prompt: what it should not show; "" for nothing.
        seed: seed of the noise, 0 to 2**63 - 1.
        width: in pixels.
        height: in pixels.
        num_frames: number of frames.
        fps: frames a second of playback.
        num_inference_steps: denoising steps.
        guidance_scale: strength of classifier-free guidance.
        model: name of the option of `conf/model`, for example "shapes".
        image: absolute path of the image that is the video's first frame; None without one.
        image_sha256: SHA-256 of that file's bytes when the job was read, 64 hex digits; None without one.
    """

    id: str
    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int
    num_frames: int
    fps: float
    num_inference_steps: int
    guidance_scale: float
    model: str
    image: str | None = None
    image_sha256: str | None = None
