"""Every option composes, everything can be typed, and all faults come at once."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml

from tests.configs import composed
from vgpipe.config.groups import builtin_conf, group_table
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError
from vgpipe.job.declared import names_set_by
from vgpipe.job.settings import SetBy

EVERY_OPTION = [(group, option) for group, options in group_table() for option in options]


def chosen(group: str, option: str) -> Config:
    return composed(f"{group}={option}")


@pytest.mark.parametrize(("group", "option"), EVERY_OPTION)
def test_every_option_of_every_group_composes(group, option):
    config = chosen(group, option)
    assert dataclasses.is_dataclass(getattr(config, group))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.job = "x"


@pytest.mark.parametrize(("group", "option"), EVERY_OPTION)
def test_every_yaml_holds_every_key_of_its_schema(group, option):
    """The YAML is where a user looks for what can be set.

    Except for what quality=85% sets, and the settings of a clip, which are declared once, in vgpipe/job/settings.py.
    """
    added = {*names_set_by(SetBy.QUALITY), "keep", "chosen"} if group == "quality" else set()
    record = type(getattr(chosen(group, option), group))
    names = [name for name in ("_base", option) if (builtin_conf() / group / f"{name}.yaml").is_file()]
    values = {
        key: value
        for name in names
        for key, value in yaml.safe_load((builtin_conf() / group / f"{name}.yaml").read_text()).items()
    }
    assert set(values) - {"defaults"} == {field.name for field in dataclasses.fields(record)} - added


def test_model_names_equal_their_option():
    for option in dict(group_table())["model"]:
        assert chosen("model", option).model.name == option


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("model.components={vae: {id: a/b}}", lambda model: model.components["vae"].id == "a/b"),
        ("model.components.vae={id: a/b, subfolder: c}", lambda model: model.components["vae"].subfolder == "c"),
        ("model.component_dtypes.vae=bfloat16", lambda model: model.component_dtypes == {"vae": "bfloat16"}),
        ("model.pipeline_kwargs.guidance_scale_2=3", lambda model: model.pipeline_kwargs == {"guidance_scale_2": 3}),
        ("model.pipeline_kwargs={a: {b: [1, x]}}", lambda model: model.pipeline_kwargs["a"]["b"] == [1, "x"]),
        ("model.scheduler.config.flow_shift=5.0", lambda model: model.scheduler.config["flow_shift"] == 5.0),
        ("model.loras=[{id: a.safetensors, weight: 0.5}]", lambda model: model.loras[0].weight == 0.5),
        ("model.fallback=[wan21_t2v_1_3b]", lambda model: model.fallback == ("wan21_t2v_1_3b",)),
        ("model.variant=null", lambda model: model.variant is None),
    ],
)
def test_every_way_to_change_a_model_can_be_typed(override, read):
    assert read(load([override]).model)


def faults(*overrides):
    with pytest.raises(ConfigError) as caught:
        load(list(overrides))
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("quality=quik", ["quality", "quik", "quick, standard", "did you mean quick?"]),
        ("qualty=quick", ["qualty", "did you mean quality?"]),
        ("clip.sed=3", ["clip.sed", "did you mean clip.seed?"]),
        ("clip.seed='3'", ["clip.seed", '"3"', "whole number"]),
        ("clip.seed=-1", ["clip.seed", "-1", "greater than or equal to 0"]),
        ("quality.steps_scale=99", ["quality.steps_scale", "99", "less than or equal to 10"]),
        ("quality.steps_scale=nan", ["quality.steps_scale"]),
        ("executor.canary=maybe", ["executor.canary", "true or false"]),
        ("exporter.crf=52", ["exporter.crf", "52", "51"]),
        ("exporter.name=gift", ["exporter", "gift", "mov_prores"]),
        ("exporter.upscale_height=721", ["exporter.upscale_height", "multiple of 2"]),
        ("exporter.interpolate=minterpolate", ["exporter", "needs exporter.fps"]),
        ("run.until=25:00", ["run.until", "25:00", "07:00"]),
        ("run.budget=soon", ["run.budget", "8h"]),
        ("model.rules.side_multiple=0", ["model.rules.side_multiple", "0"]),
        ("clip=3", ["clip"]),
        ("~quality", ["quality", "missing"]),
        ("quality", ["key=value"]),
        ("clip.prompt='a", ["clip.prompt", "quote"]),
        ("clip.prompt=a,b", ["clip.prompt", "-m", "quote"]),
        ("clip.prompt=${nothing}", ["nothing"]),
        ("+clip.colour=red", ["clip.colour"]),
        ("exporter.compress_level=3", ["exporter.compress_level", "the chosen option has no such key"]),
    ],
)
def test_a_faulty_override_names_key_value_and_remedy(override, words):
    told = faults(override)
    assert all(word in told for word in words), told


def test_all_faults_come_at_once():
    told = faults("quality=quik", "clip.sed=3", "modle=shapes", "nonsense")
    assert all(word in told for word in ("quik", "clip.sed", "modle", "nonsense"))
    told = faults("quality=quik", "clip.seed=-1", "clip.prompt=a,b")
    assert all(word in told for word in ("quik", "clip.seed", "has several values"))
    told = faults("clip.seed=-1", "exporter.crf=99", "quality.steps_scale=0", "model.rules.side_multiple=0")
    assert all(word in told for word in ("clip.seed", "exporter.crf", "quality.steps_scale", "side_multiple"))


def test_the_store_folder_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load([]).store.dir == str(tmp_path / "outputs/.store")


def test_keys_may_refer_to_what_hydra_knows():
    assert load(["job=${hydra.job.name}.yaml"]).job == load(["job=${hydra:job.name}.yaml"]).job == "vgpipe.yaml"


def test_a_weight_file_as_the_model_stands_beside_the_options_own_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.safetensors").write_bytes(b"")
    own = load(["model=wan21_t2v_1_3b"]).model.id
    for typed in ("model.id='a b.safetensors'", f"model.id='{(tmp_path / 'a b.safetensors').as_uri()}'"):
        model = load(["model=wan21_t2v_1_3b", typed]).model
        assert (model.id, model.single_file) == (own, str(tmp_path / "a b.safetensors"))
    assert load(["model=shapes", "model.id=x.gguf"]).model.single_file is None  # it has no checkpoint to stand beside
    given = "model.components.vae.id='a b.safetensors'"
    assert load(["model=wan21_t2v_1_3b", given]).model.components["vae"].id == str(tmp_path / "a b.safetensors")


def test_picks_of_a_file_are_kept_and_not_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clips = [{"id": name, "pick": f"p0000000{name}", "picked": name != "b"} for name in "abc"]
    (tmp_path / "picks.json").write_text(json.dumps({"schema": 1, "clips": clips}))
    assert load(["pick=picks.json"]).pick == load([f"pick='{tmp_path}/picks.json'"]).pick == ("p0000000a", "p0000000c")
    assert "'no.json': there is no such file" in faults("pick=no.json")
