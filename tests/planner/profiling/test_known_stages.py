"""Stages that another profile has run are not run again."""

from __future__ import annotations

from dataclasses import replace

from tests import tiny
from tests.planner.real_runs import bound, spec_of
from vgpipe.planner.profiling.fake_stages import FakeStages
from vgpipe.planner.profiling.known_stages import MOST, KnownStage, KnownStages, stage_key
from vgpipe.planner.profiling.profile import profile


def test_tiles_run_the_decoder_alone_and_sizes_encode_once(tmp_path, monkeypatch):
    option, ran = "cogvideox_5b", []
    one, spec = bound(option, tiny.build(option, tmp_path)), spec_of(option, width=96, height=80, num_frames=9)
    for stage in ("encode", "denoise", "decode"):
        run = getattr(FakeStages, stage)
        monkeypatch.setattr(
            FakeStages, stage, lambda self, *given, stage=stage, run=run: ran.append(stage) or run(self, *given)
        )
    tiled = one.with_settings(replace(one.settings, vae_tiling=True, vae_tile_size=64))
    small, known = replace(spec, width=64), KnownStages()
    made = [
        profile(family, size, "cuda", model="m", known=known)
        for family, size in ((one, spec), (tiled, spec), (one, small))
    ]
    assert ran == ["encode", "denoise", "decode", "decode", "denoise", "decode"]
    assert made == [
        profile(family, size, "cuda", model="m") for family, size in ((one, spec), (tiled, spec), (one, small))
    ]


def test_tiles_matter_where_an_image_is_encoded(tmp_path):
    option = "cogvideox_5b_i2v"
    one = bound(option, tiny.build(option, tmp_path))
    tiled = one.with_settings(replace(one.settings, vae_tiling=True))
    image, text = spec_of(option, from_image=True), spec_of(option, from_image=False)
    assert stage_key(one, image, "cuda", "denoise") != stage_key(tiled, image, "cuda", "denoise")
    assert stage_key(one, text, "cuda", "denoise") == stage_key(tiled, text, "cuda", "denoise")


def test_the_stage_used_longest_ago_is_dropped():
    known = KnownStages()
    for place in range(MOST):
        known.put(place, KnownStage(place, {}))
    known.get(0)
    known.put(MOST, KnownStage(MOST, {}))
    assert known.get(0) is not None
    assert known.get(1) is None
