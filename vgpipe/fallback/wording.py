"""How the log and the degradations describe memory settings and sizes."""

from __future__ import annotations

from vgpipe.job.clip import Clip
from vgpipe.memory.ladder import MemoryRung


def describe_rung(rung: MemoryRung) -> str:
    """Returns the memory settings of a stage in words, for the log."""
    tiling = f", {describe_tiles(rung)}" if rung.vae_tiling else ""
    stored = "".join(f", {name} stored as {precision}" for name, precision in rung.weights)
    return f"{rung.strategy.value}{tiling}{stored}"


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
