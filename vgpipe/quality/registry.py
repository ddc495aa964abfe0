"""Every check, in the order in which verdicts are given."""

from __future__ import annotations

from vgpipe.quality.base import Check
from vgpipe.quality.checks.frozen import Frozen
from vgpipe.quality.checks.uniform import Uniform

CHECKS: tuple[type[Check], ...] = (Uniform, Frozen)
NAMES: tuple[str, ...] = tuple(check.name for check in CHECKS)
