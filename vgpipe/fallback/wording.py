"""How the log and the degradations describe memory settings and sizes."""

from __future__ import annotations

from vgpipe.job.clip import Clip
from vgpipe.memory.ladder import MemoryRung
from vgpipe.quality.verdict import Verdict
from vgpipe.vocabulary import ANY, SAFE, STRICT

REMEDIES = {
    STRICT: "run.degrade=safe tries safer settings, checks=off takes it as it is",
    SAFE: "run.degrade=any tries another seed, checks=off takes it as it is",
    ANY: "another prompt or model, checks=off takes it as it is",
}
"""Policy -> what is left to do about a clip that a check rejected."""
OF_CANARY = "get the model's files again, checks=off renders all the same"
"""What is left to do where a canary shows that every clip would be rejected."""


def describe_rung(rung: MemoryRung) -> str:
    """Returns the memory settings of a stage in words, for the log."""
    tiling = f", {describe_tiles(rung)}" if rung.vae_tiling else ""
    stored = "".join(f", {name} stored as {precision}" for name, precision in rung.weights)
    cache = ", no step cache" if rung.drops_cache else ""
    return f"{rung.strategy.value}{tiling}{cache}{stored}"


def describe_tiles(rung: MemoryRung) -> str:
    """Returns the tiles of a stage in words."""
    if not rung.vae_tiling:
        return "no tiles"
    return f"tiles of {rung.vae_tile_size} pixels" if rung.vae_tile_size else "tiles of the VAE's own size"


def describe_size(clip: Clip) -> str:
    """Returns a clip's size in words."""
    how = clip.continuation
    segments = f" in segments of {how.segment_num_frames}" if how else ""
    return f"{clip.width}x{clip.height}, {clip.num_frames} frames{segments}"


def describe_verdict(verdict: Verdict) -> str:
    """Returns a verdict on one line: the check, what a person understands of it, its number and its limit."""
    return f"{verdict.check}: {verdict.says} (measured {verdict.number:.4g}, limit {verdict.limit:.4g})"


def rejection(verdict: Verdict, remedy: str, tried: str = "") -> str:
    """Returns why a clip is rejected, on one line.

    Args:
        verdict: the check that failed.
        remedy: what the user can do.
        tried: what was done about it, without success.
    """
    return f"checks: {describe_verdict(verdict)}{f'; {tried}' if tried else ''} -> {remedy}"
