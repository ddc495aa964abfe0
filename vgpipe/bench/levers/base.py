"""The protocol of a lever: a key of the group `quality`, and the values that a grid tries."""

from __future__ import annotations

from typing import Any, Protocol

from vgpipe.config.schema import Config


class Lever(Protocol):
    """What the module of a lever defines.

    Attributes:
        KEY: the key of the group `quality` that it sets.
        ALLOWED: what its values may be, in words.
        EXAMPLE: how some are typed.
    """

    KEY: str
    ALLOWED: str
    EXAMPLE: str

    def values(self, config: Config, steps: int) -> tuple[Any, ...]:
        """Returns what is tried where the user names no values, beside what the config has; empty where nothing acts.

        Args:
            config: of the full run.
            steps: its denoising steps.
        """
