"""Keys are looked up in the schema, and unknown ones get the nearest spelling."""

from __future__ import annotations

import pytest

from vgpipe.config.fields import children, nearest, takes_any_key, unknown_key
from vgpipe.config.schema import Config


def test_unknown_keys_are_found_at_every_depth():
    assert unknown_key("model.reference.width") is None
    assert unknown_key("model.refrence.width") == ("model.refrence", "did you mean model.reference?")
    assert unknown_key("clip.seed.x")[1] == "clip.seed is a value and has no keys"
    assert set(children(("exporter",))) >= {"name", "crf", "preset", "compress_level", "timeout_s", "rows"}
    assert set(Config.GROUPS) <= set(children(()))


@pytest.mark.parametrize("key", ["model.pipeline_kwargs", "model.pipeline_kwargs.guidance_scale_2", "also.gif"])
def test_mappings_take_any_key(key):
    assert takes_any_key(tuple(key.split("."))) and not takes_any_key(("model", "reference"))
    assert unknown_key("model.pipeline_kwargs.anything") is None


@pytest.mark.parametrize(
    ("word", "advice"),
    [("quik", "did you mean quick?"), ("QUICK", "did you mean quick?"), ("zzz", "one of: high, quick, standard"),
     ("h", "one of: high")],
)  # fmt: skip
def test_a_suggestion_is_the_closest_word_or_all_of_them(word, advice):
    assert nearest(word, ["standard", "quick", "high"]) == advice
