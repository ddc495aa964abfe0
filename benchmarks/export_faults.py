"""Exports random clips while encoders are missing, die, lie or hang; counts the files that play and have their recipe.

usage: python benchmarks/export_faults.py [--count 1000] [--seed 0]
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.exporters.clips import decoded, fake_ffmpeg, psnr_db, refuses, smooth
from vgpipe.exporters.base import exporter
from vgpipe.exporters.exported import Exported
from vgpipe.exporters.reading import read_recipe

KINDS = ("mp4", "mp4_hevc", "webm", "av1", "mov_prores", "ffv1", "gif", "webp", "apng", "frames", "sheet")
ENCODERS = (
    *("libx264", "libopenh264", "mpeg4", "gif", "libx265", "libvpx-vp9"),
    *("libsvtav1", "prores_ks", "ffv1", "libwebp", "apng"),
)
STUCK_S = 0.4


def action(encoder: str, dice: random.Random) -> str:
    """Returns what goes wrong with an encoder, as shell."""
    size = dice.randrange(100_000)
    faults = [
        refuses(encoder),
        "kill -9 $$",
        f"head -c {size} >/dev/null; echo boom >&2; exit 7",
        f"head -c {size} >/dev/null; exit 0",
        "cat >/dev/null; exit 0",
    ]
    return "exec sleep 60" if dice.random() < 0.02 else dice.choice(faults)


def broken_ffmpeg(folder: Path, dice: random.Random) -> str:
    """Returns an ffmpeg in which a random share of the encoders is broken; sometimes there is none."""
    share = dice.choice([0.0, 0.3, 0.6, 0.9, 1.0])
    broken = {encoder: action(encoder, dice) for encoder in ENCODERS if dice.random() < share}
    return str(fake_ffmpeg(folder, broken)) if dice.random() < 0.95 else "/nowhere/ffmpeg"


def is_playable(made: Exported, folder: Path, original: np.ndarray) -> bool:
    """Says whether all frames can be decoded from the files, and look like those of the clip."""
    count, height, width, _ = original.shape
    if sorted(path.name for path in folder.iterdir()) != sorted(made.files):
        return False
    if made.kind == "sheet":
        return np.array_equal(np.asarray(Image.open(folder / made.files[0]))[:height, :width], original[0])
    if made.kind == "frames":
        return np.array_equal(np.stack([np.asarray(Image.open(folder / name)) for name in made.files]), original)
    got = decoded(folder / made.files[0])[0]
    return len(got) == count and psnr_db(got[:, :height, :width], original) > 20


def has_recipe(made: Exported, folder: Path, recipe: dict[str, object]) -> bool:
    """Says whether the file holds the recipe, a fallback included."""
    degradations = [{"kind": "exporter", "stage": None, **asdict(made.degradation)}] if made.degradation else []
    return read_recipe(folder if made.kind == "frames" else folder / made.files[0]) == {
        **recipe,
        "degradations": degradations,
    }


def one(dice: random.Random, folder: Path) -> tuple[Exported, bool]:
    """Exports one random clip.

    Args:
        dice: decides everything.
        folder: an empty one.

    Returns:
        What was made, and whether it can be played and has its recipe.
    """
    original = smooth(dice.randint(1, 12), dice.randint(16, 90), dice.randint(16, 90))
    os.environ["VGPIPE_FFMPEG"] = broken_ffmpeg(folder, dice)
    settings = {"name": dice.choice(KINDS)}
    if settings["name"] not in ("frames", "sheet"):
        settings |= {"timeout_s": STUCK_S if "sleep" in _text(folder) else 60.0}
    out = folder / "out"
    out.mkdir()
    recipe = {"vgpipe": 1, "prompt": dice.randbytes(dice.choice([9, 999, 20_000])).hex(), "degradations": []}
    fps = dice.choice([8.0, 16.0, 23.976, 24.0, 30.0])
    made = exporter(settings).export(original, fps=fps, folder=out, recipe=recipe)
    return made, is_playable(made, out, original) and has_recipe(made, out, recipe)


def _text(folder: Path) -> str:
    script = folder / "ffmpeg"
    return script.read_text() if script.exists() else ""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # that an encoder fails is the point
    dice, kinds, playable, degraded = random.Random(options.seed), Counter(), 0, 0
    started = time.monotonic()
    for number in range(options.count):
        with tempfile.TemporaryDirectory() as folder:
            made, is_fine = one(dice, Path(folder))
        kinds[made.kind] += 1
        playable += is_fine
        degraded += made.degradation is not None
        if not is_fine:
            print(f"export {number} is not playable, or lacks its recipe: {made}")
    took_s = time.monotonic() - started
    print(
        f"{playable} of {options.count} ended playable with their recipe, {degraded} by a fallback, in {took_s:.0f} s"
    )
    print(", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))


if __name__ == "__main__":
    main()
