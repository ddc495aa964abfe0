"""What is rendered where the user names no prompts: scenes of many kinds, or of the embedded model's own world."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.job.reading.values import json_lines
from vgpipe.outside_file import expanded

WORLDS = {
    "embedded:shapes": (
        "a small red circle moving left on a white background",
        "a large blue square moving up slowly on a gray background",
        "a small yellow triangle moving right quickly on a blue background",
        "a green circle growing on a black background",
        "a large purple square standing still on a green background",
        "a small cyan triangle moving down on a white background",
        "a large red square moving right on a black background",
        "a blue circle shrinking on a gray background",
    )
}
PROMPTS = (
    "a fishing boat leaves a small harbour at dawn, gulls around its mast",
    "close-up of hands kneading bread dough on a floured table",
    "a red tram turns a corner in the rain, wet cobblestones reflect its lights",
    "an old man laughs and wipes his glasses in a sunlit kitchen",
    "a fox walks through fresh snow between birches, the camera follows it",
    "macro shot of a drop of ink spreading in a glass of water",
    "children fly kites on a windy hill above the sea",
    "slow drone flight over terraced rice fields in the evening",
)


def default_lines(model_id: str) -> str:
    """Returns the prompts for a model as JSON lines, each with a seed of its own."""
    prompts: Sequence[str] = WORLDS.get(model_id, PROMPTS)
    return json_lines([{"prompt": text, "seed": seed} for seed, text in enumerate(prompts)], expanded("."))
