"""The recipe of a file: short, portable, and complete."""

from __future__ import annotations

from dataclasses import replace

from tests.clips.test_clip_record import PLAIN
from vgpipe.config.load import load
from vgpipe.config.schema import MemoryConfig
from vgpipe.provenance.recipe import clip_facts, model_facts, portable, without_defaults


def test_defaults_are_left_out_of_a_recipe():
    assert without_defaults({"strategy": "auto", "vae_tiling": True, "weights": {}}, MemoryConfig) == {
        "vae_tiling": True
    }


def test_paths_in_the_home_directory_do_not_name_its_user(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert portable(str(tmp_path / "models" / "wan")) == "~/models/wan"
    assert portable("/models/wan") == "/models/wan" and portable("owner/name") == "owner/name"


def test_a_newer_setting_is_in_a_recipe_only_where_it_is_set():
    assert not {"guidance_start", "guidance_stop"} & clip_facts(PLAIN).keys()
    some = clip_facts(replace(PLAIN, guidance_stop=0.7))
    assert some["guidance_stop"] == 0.7 and "guidance_start" not in some


def test_rules_of_what_a_clip_may_be_given_are_in_a_recipe_only_where_it_is_given_that():
    shapes = load([]).model
    model = replace(shapes, rules=replace(shapes.rules, last_image="optional", video=("restyle",)))
    assert model_facts(model, PLAIN)["rules"].keys() & {"last_image", "video", "max_num_frames"} == {"max_num_frames"}
    given = replace(PLAIN, last_image="/b.png", last_image_sha256="0" * 64)
    assert model_facts(model, given)["rules"]["last_image"] == "optional"
