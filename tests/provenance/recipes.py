"""A recipe as it stands in a file, and variations of it."""

from __future__ import annotations

import copy
from typing import Any

RECIPE: dict[str, Any] = {
    "vgpipe": 1,
    "clip": {
        "clip": "a-circle-01234567",
        "prompt": "a circle",
        "negative_prompt": "",
        "seed": 3,
        "width": 32,
        "height": 32,
        "num_frames": 5,
        "fps": 8.0,
        "num_inference_steps": 2,
        "guidance_scale": 3.0,
        "model": "shapes",
    },
    "model": {
        "name": "shapes",
        "family": "wan",
        "id": "embedded:shapes",
        "dtype": "float32",
        "reference": {
            "width": 64, "height": 64, "num_frames": 17, "fps": 8, "num_inference_steps": 20, "guidance_scale": 3.0,
        },
        "rules": {"max_num_frames": 17},
    },
    "memory": {},
    "exporter": {"name": "gif", "dither": "none"},
    "parts": {"denoise.transformer": "aa"},
    "latents": [{"key": "k", "sha256": "s"}],
    "versions": {"torch": "2"},
    "device": "cpu AVX2",
    "degradations": [],
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    """Returns the recipe with another value at a dotted path."""
    recipe = copy.deepcopy(RECIPE)
    *way, last = path.split(".")
    place = recipe
    for name in way:
        place = place[name]
    place[last] = value
    return recipe
