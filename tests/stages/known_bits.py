"""What vgpipe makes of four clips with the embedded model, so that a change of bits without a new version is noticed.

The store finds artifacts by what they were made of. Code that makes other bits of the same must therefore change a
version that is part of the key, else an old store hands out what the new code would not make. `known_bits.json` holds,
for each case, the versions in the keys of its artifacts and two kinds of results:

* `exact`: what is computed in whole numbers or in float64, equal on every CPU.
* `latents`, `frames`: means of what the model made, which differ between CPUs by far less than the tolerances.

If you changed bits on purpose, bump the version that belongs to what you changed, then write the file anew:

    python -m tests.stages.known_bits

It refuses where results changed and no version did.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from vgpipe.store.digest import Key

KNOWN = Path(__file__).with_suffix(".json")
WEIGHTS = Path(__file__).parents[2] / "vgpipe" / "weights" / "shapes"
LATENTS_TOLERANCE = 0.004
LEVELS_TOLERANCE = 0.5  # of 255
PROMPT = "a small red circle moving left on a white background"
COMMON = (
    f"clip.prompt={PROMPT}", "clip.seed=3", "clip.num_inference_steps=5", "exporter=frames", "run.sheet=false",
    "run.plan=off", "executor.canary=false", "hydra.run.dir=run", "store.dir=store",
)  # fmt: skip
LONG = ("clip.num_frames=29",)


@dataclass(frozen=True)
class Case:
    """One clip.

    Attributes:
        overrides: its settings, beside those that all share.
        exact: computes what is equal on every CPU.
    """

    overrides: tuple[str, ...] = ()
    exact: Callable[[], Any] = dict


@dataclass
class Bits:
    """What was made of a case."""

    versions: dict[str, int]
    exact: Any
    latents: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)

    def differences(self, other: Bits) -> list[str]:
        """Names the results that are not the same, versions aside."""
        found = [] if self.exact == other.exact else ["exact"]
        for name, tolerance in (("latents", LATENTS_TOLERANCE), ("frames", LEVELS_TOLERANCE)):
            ours, theirs = np.array(getattr(self, name)), np.array(getattr(other, name))
            if ours.shape != theirs.shape or np.abs(ours - theirs).max(initial=0) > tolerance:
                found.append(name)
        return found


def windows() -> dict[str, Any]:
    """Where windows begin and what each counts for its frames."""
    from vgpipe.models.windows.blend import blend_weights, window_starts

    layouts = [(13, 5, 4), (13, 5, 2), (9, 5, 1), (24, 5, 4)]
    starts = [window_starts(*layout) for layout in layouts]
    weights = [blend_weights(some, layout[1], layout[0]) for some, layout in zip(starts, layouts, strict=True)]
    return {
        "starts": [list(some) for some in starts],
        "weights": [_sha256(np.stack([one.numpy() for one in some])) for some in weights],
    }


def seams() -> dict[str, Any]:
    """A seam between made-up pictures: one channel is flat, one needs more than the largest gain, one less."""
    from vgpipe.job.segments import segment_seed
    from vgpipe.stages.seams import Seam, join_segment

    ramp = np.arange(16 * 16 * 3).reshape(1, 16, 16, 3) % 251
    before = np.concatenate([ramp // 3 + 90, ramp // 2 + 60]).astype(np.uint8)
    after = np.concatenate([ramp // 5 + 40, ramp // 4 + 30, ramp]).astype(np.uint8)
    before[..., 1] = 100 + (before[..., 1] % 100 < 62)
    after[..., 2] = np.minimum(before[:1, ..., 2] * 2.0, 255)
    found = {}
    for match_color in (False, True):
        for blend in (0, 2):
            frames, facts = join_segment(after, Seam(before, match_color=match_color, blend=blend))
            found[f"match_color={match_color} blend={blend}"] = [_sha256(frames), facts]
    return {"joined": found, "seeds": [segment_seed(3, 0, index) for index in range(3)]}


def tiles() -> dict[str, dict[str, Any]]:
    """How tiles of a size that was asked for are laid out."""
    from vgpipe.models.open import Origin, open_checkpoint
    from vgpipe.models.pipeline import vae_options
    from vgpipe.models.pipeline.config_only import without_weights

    found = {}
    for size in (64, 96):
        vae = without_weights(open_checkpoint(Origin(str(WEIGHTS))), "vae")
        vae_options.apply(vae, tiling=True, tile_size=size, slicing=False)
        found[str(size)] = {name: value for name, value in sorted(vars(vae).items()) if name.startswith("tile_sample")}
    return found


CASES = {
    "short": Case(),
    "window": Case((*LONG, "clip.continuation=window"), windows),
    "image": Case((*LONG, "clip.continuation=image", "clip.match_color=true"), seams),
    "tiled": Case(("clip.width=96", "clip.height=96", "memory.vae_tiling=true", "memory.vae_tile_size=64"), tiles),
}


def make(name: str, folder: Path) -> Bits:
    """Renders a case in an empty folder.

    Raises:
        RuntimeError: where that fails.
    """
    from vgpipe.cli import main
    from vgpipe.stages import keys

    case, inputs = CASES[name], {}

    def noted(stage: str, made_of: Mapping[str, Any]) -> Key:
        inputs.setdefault(stage, []).append(made_of)
        return Key(stage, made_of)

    with contextlib.chdir(folder), mock.patch.object(keys, "Key", noted):
        if code := main([*COMMON, *case.overrides]):
            raise RuntimeError(f"{name}: exit code {code}")
    records = [json.loads(path.read_text()) for path in (folder / "store").glob("*/??/*/artifact.json")]
    latents = [
        folder / "store" / "denoise" / one["digest"][:2] / one["digest"] / "latents.safetensors"
        for one in sorted(records, key=lambda one: "given" in one["inputs"])
        if one["stage"] == "denoise"
    ]
    return Bits(
        versions=dict(
            sorted(found for stage, made in inputs.items() for one in made for found in _versions(stage, one))
        ),
        exact=json.loads(json.dumps(case.exact())),
        latents=[value for path in latents for value in _latents_fingerprint(path)],
        frames=_frames_fingerprint(folder / "run" / "frames"),
    )


def _versions(place: str, inputs: Any) -> Iterator[tuple[str, int]]:
    """Gives every version in what an artifact's key is made of, with where it is."""
    if not isinstance(inputs, Mapping):
        return
    for name, value in inputs.items():
        if name == "version" or (name.endswith("_version") and isinstance(value, int)):
            yield f"{place}.{name}", value
        yield from _versions(f"{place}.{name}", value)


def _latents_fingerprint(path: Path) -> list[float]:
    """Returns mean and spread of each channel at each moment."""
    from safetensors.numpy import load_file

    latents_CTHW = next(iter(load_file(path).values()))[0].astype(np.float64)
    values = np.concatenate([latents_CTHW.mean((2, 3)).ravel(), latents_CTHW.std((2, 3)).ravel()])
    return [round(float(value), 4) for value in values]


def _frames_fingerprint(folder: Path) -> list[float]:
    """Returns the mean levels of squares of 16 pixels, of every fourth frame."""
    from PIL import Image

    frames = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.png"))])[::4].astype(np.float64)
    count, height, width, _ = frames.shape
    squares = frames.reshape(count, height // 16, 16, width // 16, 16, 3).mean((2, 4))
    return [round(float(value), 1) for value in squares.ravel()]


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def known() -> dict[str, Bits]:
    """Reads the file."""
    return {name: Bits(**values) for name, values in json.loads(KNOWN.read_text()).items()}


def regenerate() -> None:
    """Writes the file anew, unless results changed and no version did."""
    old = known() if KNOWN.is_file() else {}
    made = {}
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            made[name] = make(name, Path(folder))
        if name in old and made[name].versions == old[name].versions and (told := made[name].differences(old[name])):
            sys.exit(f"{name}: {', '.join(told)} changed, and no version in the keys did -> bump it first")
    lines = [f" {json.dumps(name)}: {json.dumps(vars(bits))}" for name, bits in made.items()]
    KNOWN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    regenerate()
