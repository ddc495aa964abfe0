"""Finds a profile in a process that has imported no model library."""

from __future__ import annotations

from pathlib import Path

from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.registry import family
from vgpipe.planner.profile_records import ClipSpec, Profile
from vgpipe.planner.profiling.profile_cache import ProfileCache, cached_profile


def hit(folder: Path, kept: Path) -> Profile:
    """Returns the profile that `tests/planner/profiling/test_profile_cache.py` keeps; fails where there is none."""
    one = family("cogvideox", Checkpoint(folder), Settings(max_sequence_length=226))
    spec = ClipSpec(
        width=48, height=32, num_frames=5, num_inference_steps=4, guidance_scale=3.0, fps=8.0, from_image=True
    )
    return cached_profile(one, spec, "cuda", model="m", cache=ProfileCache(kept))
