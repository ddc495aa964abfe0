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

    uniform: CheckConfig | None = None
    """Standard deviation within a frame, 0 to 127.5; bad below the limit."""
    frozen: CheckConfig | None = None
    """Largest change from frame to frame, 0 to 255; bad below the limit."""

    @property
    def limits(self) -> dict[str, CheckConfig]:
        """Check -> its limit, of those that are on."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: limit for name, limit in named.items() if limit is not None}
