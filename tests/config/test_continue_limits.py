"""Continuing drafts may change where they are made, and nothing that decides bits."""

from __future__ import annotations

import pytest

from vgpipe.config.continue_limits import load_continue_limits
from vgpipe.config.load import load
from vgpipe.errors import ConfigError


@pytest.fixture(scope="module")
def saved():
    return load(["job=night.yaml", "draft=8", "memory.vae_tiling=true"])


def test_where_drafts_are_continued_may_change(saved):
    typed = ("hardware=cpu", "memory=staged", "store.dir=/s", "executor.workers=2", "run.degrade=strict")
    config = load_continue_limits(typed, "")(saved)
    assert (config.hardware.name, config.memory.strategy, config.store.dir) == ("cpu", "staged", "/s")
    assert (config.executor.workers, config.run.degrade) == (2, "strict")
    assert config.memory.vae_tiling and config.store.max_gb == saved.store.max_gb and config.model == saved.model
    assert load_continue_limits((), "")(saved) == saved


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("clip.num_inference_steps=50", "python -m vgpipe job=night.yaml pick='[p0]' clip.num_inference_steps=50"),
        ("quality=high", "needs a new render"),
        ("memory.vae_tiling=false", "memory.vae_tiling: changes bits"),
        ("store.max_gb=3", "a resumed run keeps its settings"),
        ("hardware=cpuu", "cpuu"),
    ],
)
def test_what_decides_bits_stays(saved, typed, words):
    with pytest.raises(ConfigError) as caught:
        load_continue_limits((typed,), "pick=[p0]")(saved)
    assert words in str(caught.value)
