"""The schema of the group `checks`: by which limits decoded frames are judged."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal

from pydantic import Field

from vgpipe.config.limits import record


@record
class CheckConfig:
    """How the number of one check is judged."""

    limit: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """The last good number; the check says whether numbers above or below it are bad (docs/checks.md)."""
    action: Literal["fail", "warn"] = "fail"
    """What a number beyond the limit does: `fail` rejects the clip, `warn` only reports it."""
    canary: bool = True
    """Whether canaries are judged as well, which have few denoising steps."""


@record
class ChecksConfig:
    """The checks of decoded frames. null switches one off."""

    frame_count: CheckConfig | None = None
    """Frames that are missing or too many; bad above the limit."""
    frame_size: CheckConfig | None = None
    """Pixels that width and height are off; bad above the limit."""
    non_finite: CheckConfig | None = None
    """Share of frames that are entirely black, 0 to 1; bad above the limit."""
    uniform: CheckConfig | None = None
    """Standard deviation within a frame, 0 to 127.5; bad below the limit."""
    clipped: CheckConfig | None = None
    """Share of saturated pixels, 0 to 1; bad above the limit."""
    noise: CheckConfig | None = None
    """Correlation of neighbouring pixels and frames, 0 to 1; bad below the limit."""
    blobs: CheckConfig | None = None
    """Order of colours at the size of latent pixels, 0 to 1; bad below the limit."""
    strobing: CheckConfig | None = None
    """Swing of brightness from frame to frame, 0 to 255; bad above the limit."""
    seams: CheckConfig | None = None
    """How many times larger steps are on a grid than beside it, 0 to 2; bad above the limit."""
    tail: CheckConfig | None = None
    """Share of the clip that stands still or repeats at its end, 0 to 1; bad above the limit."""
    frozen: CheckConfig | None = None
    """Largest change of a part of the picture, 0 to 255; bad below the limit."""
    silence: CheckConfig | None = None
    """Largest magnitude of the sound, 1 for full scale; bad below the limit."""
    sound_clipped: CheckConfig | None = None
    """Share of the sound that is cut off at full scale, 0 to 1; bad above the limit."""
    noise_left: CheckConfig | None = None
    """Correlation of a canary's finished latents with the noise that they began with, 0 to 1; bad above the limit."""
    text_difference: CheckConfig | None = None
    """Largest difference of the embeddings of a canary's prompt and of another text, relative to their size; bad below
    the limit."""
    same_frames: CheckConfig | None = None
    """Earlier clips of the run with the same frames and settings, but for another seed; bad above the limit."""

    @property
    def limits(self) -> dict[str, CheckConfig]:
        """Check -> its limit, of those that are on."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: limit for name, limit in named.items() if limit is not None}
