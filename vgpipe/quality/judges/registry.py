"""Every judge, by name."""

from __future__ import annotations

from typing import Final

from vgpipe.quality.judges.adherence import ADHERENCE
from vgpipe.quality.judges.base import Judge
from vgpipe.quality.judges.checks import CHECKS
from vgpipe.quality.judges.clip import CLIP

JUDGES: Final[dict[str, Judge]] = {judge.name: judge for judge in (CHECKS, ADHERENCE, CLIP)}
