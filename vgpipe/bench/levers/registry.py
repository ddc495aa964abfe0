"""The levers by name: adding one is a file in this package and a line here."""

from __future__ import annotations

from typing import cast

from vgpipe.bench.levers import cache, guidance, steps
from vgpipe.bench.levers.base import Lever

STEPS = "steps"
LEVERS: dict[str, Lever] = {
    STEPS: cast(Lever, steps),
    "cache": cast(Lever, cache),
    "guidance": cast(Lever, guidance),
}
DEFAULT = (STEPS,)
