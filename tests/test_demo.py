"""The demo job, rendered with the embedded model, shows what its prompts say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import read_frames

from training.seen import look
from training.world import BACKGROUNDS, COLOURS, DIRECTIONS, SHAPES

ROOT = Path(__file__).parents[1]


def frames(path: Path) -> np.ndarray:
    reader = read_frames(str(path))
    width, height = next(reader)["source_size"]
    return np.stack([np.frombuffer(frame, "uint8").reshape(height, width, 3) for frame in reader])


def named(prompt: str) -> dict[str, str]:
    """Reads the demo's own prompts, in the order that they name things."""
    motion = re.search(rf"\b({'|'.join([*DIRECTIONS, 'still', 'growing', 'shrinking'])})\b", prompt)
    ground = re.search(rf"\b({'|'.join(BACKGROUNDS)}) background", prompt)
    colour = re.search(rf"\b({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})\b", prompt)
    assert motion and ground and colour, prompt
    return {"colour": colour[1], "shape": colour[2], "motion": motion[1], "background": ground[1]}


@pytest.mark.timeout(600)
def test_every_video_of_the_demo_shows_its_prompt(vgpipe):
    ran = vgpipe(f"job={ROOT / 'jobs' / 'demo.yaml'}")
    assert ran.code == 0
    records = ran.records()
    assert len(records) >= 8
    wrong = []
    for record in records:
        clip = frames(ran.root / record["files"]["mp4"])
        assert clip.shape == (17, 64, 64, 3)
        seen = look(clip)
        wrong += [
            f"{record['prompt']}: {name} looks {getattr(seen, name)}"
            for name, word in named(record["prompt"]).items()
            if getattr(seen, name) != word
        ]
    assert not wrong
