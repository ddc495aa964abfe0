"""What a plan says in words."""

from __future__ import annotations

import pytest

from vgpipe.memory.strategies import Strategy
from vgpipe.plans.in_words import advised, and_list, placement


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("clip.num_frames=49", "49 frames"),
        ("clip.segment_num_frames=49", "segments of 49 frames"),
        ("clip.width=640 clip.height=352", "640x352"),
        ("memory.vae_tiling=true", "the VAE in tiles"),
        ("memory=auto", "a strategy for each stage"),
        ("memory=leaf_offload memory.weights.transformer=fp8", "memory=leaf_offload, the transformer as fp8"),
        ("hardware.ram_gb=64", "64 GB of RAM"),
        ("anything.else=1", "anything.else=1"),
    ],
)
def test_advice_in_words(overrides, words):
    assert advised(overrides) == words


@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_every_strategy_says_where_weights_are_and_what_to_type(kind):
    told = [placement(strategy, kind) for strategy in Strategy]
    assert all(text.startswith(f"{strategy.value}: ") for text, strategy in zip(told, Strategy, strict=True))
    assert len({text.partition(": ")[2] for text in told}) == len(told) and ("GPU" in "".join(told)) is (kind == "cuda")


def test_lists_in_words():
    assert [and_list(["a"]), and_list(["a", "b"]), and_list(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
