"""Composing is Hydra's own, has no global state, and happens once."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

from vgpipe.config.composer import Composer, composer
from vgpipe.config.load import load
from vgpipe.config.sources import BUILTIN, Defaults, Sources


def test_configs_are_composed_from_any_thread_beside_another_use_of_hydra(tmp_path):
    from hydra import compose, initialize_config_dir

    (tmp_path / "theirs.yaml").write_text("a: 1\n")
    with initialize_config_dir(str(tmp_path), version_base=None), ThreadPoolExecutor(4) as pool:
        before = GlobalHydra.instance().hydra
        found = list(pool.map(lambda seed: load([f"clip.seed={seed}"]).clip.seed, range(8)))
        assert found == list(range(8))
        assert GlobalHydra.instance().hydra is before and compose("theirs").a == 1


def test_a_combination_is_composed_once_and_handed_out_as_copies(monkeypatch):
    asked = []
    whole = ConfigLoaderImpl.load_configuration
    monkeypatch.setattr(
        ConfigLoaderImpl, "load_configuration", lambda *given, **named: asked.append(1) or whole(*given, **named)
    )
    composing = composer(BUILTIN)
    master = composing.load_configuration("config", [], RunMode.MULTIRUN)
    first, again = (composing.load_sweep_config(master, ["clip.seed=1"]) for _ in range(2))
    first.clip.seed = 2
    assert again.clip.seed == 1 and len(asked) == 2


@pytest.mark.parametrize("override", ["quality.num_inference_steps=3", "exporter=mp4+gif", "clip.seed=3"])
def test_a_worker_composes_as_this_process(override):
    composing = composer(BUILTIN)
    copy = pickle.loads(pickle.dumps(composing))
    here, there = (one.load_configuration("config", [override], RunMode.RUN) for one in (composing, copy))
    assert {**here, "hydra": None} == {**there, "hydra": None}


def test_the_configs_of_a_package_are_read_once_until_they_change_and_handed_out_as_copies(tmp_path, monkeypatch):
    for name in ("made_of_configs", "made_of_configs/conf"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    file = tmp_path / "made_of_configs/conf/own.yaml"
    file.write_text("a: {b: 1}\n")
    monkeypatch.syspath_prepend(tmp_path)
    sources = Sources(config_path="pkg://made_of_configs.conf", defaults=Defaults.NONE)
    read, whole = [], OmegaConf.load
    monkeypatch.setattr(OmegaConf, "load", lambda given: read.append(Path(given.name).name) or whole(given))

    def found():
        return composer(sources).load_configuration("own", [], RunMode.RUN).a

    first = found()
    OmegaConf.set_readonly(first, False)
    first.b = 2
    assert found().b == 1 and read.count("own.yaml") == 1
    file.write_text("a: {b: 30}\n")
    assert found().b == 30 and read.count("own.yaml") == 2


def test_a_choice_of_options_is_merged_once_until_a_file_changes(monkeypatch):
    merged, whole = [], Composer._merged
    monkeypatch.setattr(Composer, "_merged", lambda *given: merged.append(1) or whole(*given))
    monkeypatch.setattr("vgpipe.config.composer._MERGED", {})
    composing = composer(BUILTIN)

    def found(*overrides):
        composed = composing.load_configuration("config", list(overrides), RunMode.RUN)
        OmegaConf.set_readonly(composed, False)
        return composed

    first, again = found("quality=quick", "clip.seed=1"), found("quality=quick", "+clip.colour=red")
    assert len(merged) == 1 and (first.clip.seed, again.clip.get("seed")) == (1, None) and "colour" not in first.clip
    assert found("quality=high").quality != first.quality and len(merged) == 2
    assert found("exporter=mp4+gif").exporter and len(merged) == 3  # made for this command line alone
    assert found("exporter=mp4+gif").exporter and len(merged) == 4


def test_what_cannot_be_chosen_is_not_listed():
    composing = composer(BUILTIN)
    composing.load_configuration("config", ["exporter=mp4+gif"], RunMode.RUN)
    assert "mp4+gif" not in composing.get_group_options("exporter")
    assert "_base" not in composing.get_group_options("memory")
