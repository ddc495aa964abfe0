from __future__ import annotations

import os

import numpy as np
import pytest

from vgpipe.api.inputs import Options, asked
from vgpipe.errors import ConfigError, UsageError

NOTHING = {"job": None, "prompts": None, "clip": None, "overrides": (), "options": Options(), "config_dir": None}


def given(**arguments):
    return asked(**{**NOTHING, **arguments})


def test_groups_are_chosen_by_name_and_several_exporters_by_a_list():
    config = given(options=Options(quality="quick", exporter=["mp4", "gif"])).config
    assert config.quality.steps_scale == 0.25 and list(config.also) == ["gif"]


def test_settings_of_clips_are_no_hydra_grammar():
    prompt = 'a "quoted", {braced} ${store.dir} = text\\'
    wanted = given(clip={"prompt": prompt, "seed": np.int64(5)}, overrides=["clip.num_frames=5"])
    (clip,) = wanted.request().clips
    assert (clip.prompt, clip.seed, clip.num_frames) == (prompt, 5, 5)


def test_faults_of_clip_name_its_keys():
    with pytest.raises(ConfigError, match=r"clip\.sead: there is no such key -> did you mean seed"):
        given(clip={"sead": 3})
    with pytest.raises(UsageError, match=r"clip\.seed: .* of the type complex"):
        given(clip={"seed": 1j})


def test_the_run_directory_is_that_of_the_command_unless_it_is_given(workdir, monkeypatch):
    (workdir / "night.yaml").write_text("prompts: [a]\n")
    assert given(job="night.yaml").root.parent == workdir / "outputs" / "night"
    assert given(prompts=["a"]).root.parent == workdir / "outputs" / "prompts"
    assert given(clip={"prompt": "a"}).root.parent == workdir / "outputs" / "clip"
    assert given(overrides=["hydra.run.dir=here"]).root == workdir / "here" == given(out="here").root
    (workdir / "own.yaml").write_text("hydra: {run: {dir: 'mine/${vgpipe.job_name:${job}}'}}\n")
    monkeypatch.setenv("VGPIPE_CONFIG", "own.yaml")
    name = "a job, with {braces} and 'quotes'.yaml"
    (workdir / name).write_text("name: My film\nprompts: [a]\n")
    assert given(job=name).root == workdir / "mine" / "my-film" and len(given(job=name).request().clips) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"job": "a.yaml", "prompts": ["a"]}, "both a job file and prompts"),
        ({"overrides": "quality=quick"}, r"give a list: overrides=\['quality=quick'\]"),
        ({"overrides": ["quality=quick,high"]}, "has several values"),
    ],
)
def test_bad_arguments_say_what_to_give(wrong, message):
    with pytest.raises(UsageError, match=message):
        given(**wrong)


def test_hydra_of_the_program_is_left_as_it_is(tmp_path):
    """A notebook may have composed something of its own."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    (tmp_path / "mine.yaml").write_text("colour: red\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        before = GlobalHydra.instance().hydra
        assert given(options=Options(quality="quick")).config.quality.steps_scale == 0.25
        assert GlobalHydra.instance().hydra is before and compose("mine").colour == "red"


def test_a_folder_of_own_options_is_searched(tmp_path):
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality" / "mine.yaml").write_text("steps_scale: 0.25\n")
    assert given(options=Options(quality="mine"), config_dir=tmp_path).config.quality.steps_scale == 0.25
    assert os.fspath(tmp_path)
