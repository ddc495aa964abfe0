"""Whether a prompt asks for a picture that does not move."""

from __future__ import annotations

import re

WORDS = "still|stills|static|motionless|frozen|unmoving|immobile|stationary|photo|photos|photograph|freeze[- ]frame"
STILL = re.compile(rf"\b(?:{WORDS})\b", re.IGNORECASE)


def wants_stillness(prompt: str) -> bool:
    """Returns whether a word of the prompt asks for a still picture: `static shot`, `motionless`, `a photo of`."""
    return STILL.search(prompt) is not None
