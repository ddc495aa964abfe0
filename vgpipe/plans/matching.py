"""Finds what was planned for a pass of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vgpipe.planner.forecast_records import Forecast
from vgpipe.planner.profile_records import ClipSpec


def match(kind: ClipSpec, chosen: Mapping[ClipSpec, Forecast | None]) -> Forecast | None:
    """Returns what was chosen for a pass; else for one that makes fewer of its steps, which takes the same memory.

    Args:
        kind: of the pass.
        chosen: what was planned -> what was chosen for it; None where nothing fits.
    """
    if kind in chosen:
        return chosen[kind]
    alike = (one for one in chosen if one.of_steps is not None)
    return next((chosen[one] for one in alike if _whole(one) == _whole(kind)), None)


def _whole(kind: ClipSpec) -> ClipSpec:
    return replace(kind, num_inference_steps=0, of_steps=None, is_draft=False)
