"""What a plan says in words: where weights are, what was changed so that a clip fits, what to type instead."""

from __future__ import annotations

from collections.abc import Iterator

from vgpipe.memory.strategies import Strategy
from vgpipe.planner.choice.choose import PlanRequest
from vgpipe.planner.forecast_records import Forecast
from vgpipe.vocabulary import NATIVE

_ON_GPU = {
    Strategy.RESIDENT: "on the GPU throughout",
    Strategy.MODEL_OFFLOAD: "in RAM between stages",
    Strategy.STAGED: "loaded for the stage",
    Strategy.BLOCK_OFFLOAD: "from RAM, in pieces",
    Strategy.LEAF_OFFLOAD: "from RAM, layer by layer",
    Strategy.DISK_OFFLOAD: "from disk, layer by layer",
}
_ON_CPU = {**_ON_GPU, Strategy.RESIDENT: "in RAM throughout"}
_WIDTH, _HEIGHT, _FRAMES, _SEGMENT = (f"clip.{key}" for key in ("width", "height", "num_frames", "segment_num_frames"))
_WEIGHTS, _RAM = "memory.weights.", "hardware.ram_gb"
_FIXED = {
    "memory=auto": "a strategy for each stage",
    "memory.vae_tiling=true": "the VAE in tiles",
    "memory.stream=null": "weights fetched only when they are needed",
    "executor.workers=1": "one worker",
}


def placement(strategy: Strategy, kind: str) -> str:
    """Returns where a stage's weights are, with the option of `memory` that puts them there.

    Args:
        strategy: the stage's.
        kind: of the device: `cuda`, `mps`, `xpu` or `cpu`.
    """
    return f"{strategy.value}: {(_ON_CPU if kind == 'cpu' else _ON_GPU)[strategy]}"


def changes(row: Forecast, request: PlanRequest) -> list[str]:
    """Returns what differs from the request and changes bits, so that a clip fits: `the VAE in tiles`."""
    wanted_tiles = bool(request.vae_tiling), request.vae_tile_size if request.vae_tiling else None
    is_tiled = row.vae_tiling and (True, row.vae_tile_size) != wanted_tiles
    size = f" of {row.vae_tile_size} pixels" if row.vae_tile_size else ""
    return [*([f"the VAE in tiles{size}"] if is_tiled else []), *_shrunk(row, request)]


def _shrunk(row: Forecast, request: PlanRequest) -> Iterator[str]:
    """Yields `the transformer as fp8` for the components that are stored otherwise than requested."""
    changed: dict[str, list[str]] = {}
    for name, stored in sorted(row.weights.items()):
        if stored not in (NATIVE, request.weights.get(name)):
            changed.setdefault(stored, []).append(name)
    for stored, names in changed.items():
        yield f"the {and_list(names)} as {stored}"


def and_list(parts: list[str]) -> str:
    """Returns `a`, `a and b`, or `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def advised(overrides: str) -> str:
    """Returns in words what advice to type would change; empty where it has no words of its own.

    Args:
        overrides: `clip.num_frames=49`, or several with blanks between.
    """
    values = dict(one.partition("=")[::2] for one in overrides.split())
    return ", ".join(_advised(values))


def _advised(values: dict[str, str]) -> Iterator[str]:
    if _WIDTH in values and _HEIGHT in values:
        yield f"{values[_WIDTH]}x{values[_HEIGHT]}"
    for key, value in values.items():
        if key == _FRAMES:
            yield f"{value} frames"
        elif key == _SEGMENT:
            yield f"segments of {value} frames"
        elif key == _RAM:
            yield f"{value} GB of RAM"
        elif key.startswith(_WEIGHTS):
            yield f"the {key.removeprefix(_WEIGHTS)} as {value}"
        elif key not in (_WIDTH, _HEIGHT):
            yield _FIXED.get(f"{key}={value}", f"{key}={value}")
