"""What to type in the place of a refused value."""

import pytest

from vgpipe.config.load import load
from vgpipe.errors import ConfigError


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("model.loras=[/x.safetensors]", "type 'model.loras=[{id: /x.safetensors}]'"),
        ("model.loras=/x.safetensors", "type 'model.loras=[{id: /x.safetensors}]'"),
        ("model.loras={id: /x}", "type 'model.loras=[{id: /x}]'"),
        ("model.loras=[{id: /x, weight: 20}, /y]", "type 'model.loras=[{id: /x}, {id: /y}]'"),
        ("model.loras=[{weight: 0.5}]", "type 'model.loras=[{id: PATH, weight: 0.5}]'"),
        (
            "model.loras=[{id: /x, strength: 0.8}]",
            "there is no such key -> one of: component, file, id, revision, subfolder, weight",
        ),
        ("model.loras.0.weight=1", "model.loras is a list, which is typed as a whole"),
        ("model.components.transformer=/w/x.gguf", "type 'model.components.transformer={id: /w, file: x.gguf}'"),
        ("model.components=/w", "type 'model.components={NAME: {id: /w}}'"),
        ("model.fallback=shapes", "type 'model.fallback=[shapes]'"),
        ("memory.weights=fp8", "type 'memory.weights={NAME: fp8}'"),
        ("memory.weights=[fp8]", "this key takes no list -> type 'memory.weights={NAME: fp8}'"),
        ("run=8h", "set its keys: run.until, run.budget, "),
        ("also=3", "choose several with exporter=mp4+gif"),
        ("clip.width=64.5", "type clip.width=64"),
        ("clip.num_inference_steps=0", "type clip.num_inference_steps=20"),
        ("exporter.crf=99", "type exporter.crf=51"),
        ("clip.seed=1.23457E+14", "write all of its digits; in a spreadsheet, format the column as text"),
        ("run.budget=soon", "type run.budget=8h"),
    ],
)
def test_the_remedy_names_what_was_meant(typed, words):
    with pytest.raises(ConfigError) as caught:
        load([typed])
    assert words in str(caught.value)
