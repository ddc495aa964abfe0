"""What differs between two recipes, in words."""

from __future__ import annotations

import json

from tests.provenance.recipes import RECIPE, changed
from vgpipe.provenance.diff import latents_checksums, recipe_diff


def test_each_difference_is_one_line():
    now = {
        "parts": {"denoise.transformer": "bb", "encode.text_encoder": "cc"},
        "latents": [{"key": "other"}],
        "versions": {"torch": "3"},
        "device": "cuda X",
    }
    lines = recipe_diff(RECIPE, now)
    assert [line.split()[0] for line in lines] == ["transformer", "text_encoder", "torch", "made"]
    assert recipe_diff(RECIPE, {**RECIPE, "latents": [{"key": "other"}]})[0].startswith("vgpipe computes these latents")
    assert recipe_diff(RECIPE, json.loads(json.dumps(RECIPE))) == ()


def test_parts_and_versions_that_only_one_recipe_has_are_differences():
    lines = recipe_diff(changed("parts", {}), changed("versions", {}))
    assert [line.split(" (")[0] for line in lines] == [
        "transformer has other files or settings now",
        "torch 2 then, something unknown now",
    ]


def test_the_checksums_of_latents_are_read_from_any_json():
    assert latents_checksums(RECIPE) == ["s"]
    for value in (None, {}, "x", [None, 3]):
        assert set(latents_checksums(changed("latents", value))) <= {None}
