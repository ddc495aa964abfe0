"""What is refused, with what works; `test_hooks.py` shows that what works acts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from tests import tiny
from vgpipe.clips.from_config import family_to_plan, key_maker
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError
from vgpipe.models.caches import support
from vgpipe.models.checkpoint.manifest import manifest_of

WORKS = {
    "wan21_t2v_1_3b": "seacache magcache firstblock taylorseer",
    "wan21_t2v_14b": "seacache magcache firstblock taylorseer",
    "wan22_ti2v_5b": "seacache firstblock taylorseer",
    "wan22_t2v_a14b": "seacache firstblock taylorseer",
    "wan21_i2v_14b_480p": "magcache firstblock taylorseer",
    "wan21_flf2v_14b": "firstblock taylorseer",
    "wan22_i2v_a14b": "firstblock taylorseer",
    "wan21_vace_1_3b": "taylorseer",
    "cogvideox_2b": "firstblock taylorseer",
    "cogvideox_5b": "firstblock taylorseer",
    "cogvideox_5b_i2v": "firstblock taylorseer",
    "cogvideox15_5b": "firstblock taylorseer",
    "hunyuan_video": "magcache firstblock taylorseer",
    "hunyuan_video_15": "taylorseer",
    "hunyuan_video_15_i2v": "taylorseer",
    "ltx_video_2b": "firstblock taylorseer",
    "ltx_video_distilled": "firstblock taylorseer",
    "mochi_1_preview": "firstblock taylorseer",
    "animatediff_sd15": "",
    "text_to_video_ms": "",
}


@cache
def loaded(option: str, *overrides: str) -> Config:
    return load([f"model={option}", *overrides])


def refusal(option: str, name: str, *overrides: str) -> str:
    """What is said of a cache with a model as published; empty where it is taken."""
    config = loaded(option, *overrides)
    manifest = manifest_of(config.model.name, config.model.id)
    try:
        family_to_plan(config.model, config.memory, replace(config.quality, cache=name), manifest, "store")
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("option", WORKS)
def test_what_does_not_work_with_a_model_is_refused_with_what_does(option):
    told = {cache: refusal(option, cache) for cache in support.ALL}
    assert [cache for cache, text in told.items() if not text] == WORKS[option].split()
    remedy = f"what works with it: quality.cache={'|'.join([*WORKS[option].split(), 'none'])}"
    assert all(text.startswith(f"quality.cache={cache} ") for cache, text in told.items() if text)
    assert all(text.endswith(f" -> {remedy}") for text in told.values() if text)


def test_a_calibration_is_all_that_magcache_lacks_with_some():
    assert "needs model.mag_ratios" in refusal("cogvideox_5b", "magcache")
    assert refusal("cogvideox_5b", "magcache", "model.mag_ratios=[1.0,0.99]") == ""


def test_a_pipeline_that_runs_in_one_piece_has_none(tmp_path):
    config = load([f"model.id={tiny.build('generic', tmp_path)}", "model=generic", "quality.cache=firstblock"])
    model = config.model
    assert key_maker(model, config.memory, str(tmp_path), quality=config.quality).family.settings.cache is not None
    with pytest.raises(ConfigError, match=r"^quality\.cache=firstblock: MochiPipeline is run in one piece -> .*none$"):
        whole = load(["model=generic", f"model.id={tmp_path}", "model.family=generic_whole"]).model
        key_maker(whole, config.memory, str(tmp_path), quality=config.quality)


def test_an_older_diffusers_is_refused(monkeypatch):
    monkeypatch.setattr(support, "version", lambda _name: "0.41.0")
    told = r"quality.cache=firstblock: needs diffusers 0.42.1, and 0.41.0 is installed -> pip install -U 'diffusers"
    assert refusal("ltx_video_2b", "firstblock").startswith(told)
