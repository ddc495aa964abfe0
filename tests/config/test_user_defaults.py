"""A user's own defaults are weaker than the command line, stronger than the options, and named where they apply."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import yaml

from vgpipe.config.composer import composer
from vgpipe.config.load import load
from vgpipe.config.run_limits import load_run_limits
from vgpipe.config.sources import BUILTIN, Defaults, Sources
from vgpipe.config.user_defaults import defaults_path, read_user_defaults
from vgpipe.errors import ConfigError
from vgpipe.provenance.recipe import portable
from vgpipe.user_cache import user_cache_folder

MINE = """
quality: quick
exporter: [webm, gif]
clip: {seed: 3}
run: {budget: 8h, sheet: false}
model: {scheduler: {config: {flow_shift: 5.0}}}
hydra/job_logging: stdout
hydra: {run: {dir: mine}}
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Writes the file and returns where it is."""
    path = tmp_path / "my config.yaml"
    monkeypatch.setenv("VGPIPE_CONFIG", str(path))

    def write(text: str) -> Path:
        path.write_text(text)
        return path

    return write


def test_it_stands_above_the_options_and_below_the_command_line(mine):
    path = mine(MINE)
    config = load(["clip.fps=4"])
    assert (config.quality.steps_scale, config.exporter.name, list(config.also)) == (0.25, "webm", ["gif"])
    assert (config.clip.seed, config.clip.fps, config.run.sheet, config.run.budget) == (3, 4, False, "8h")
    assert config.model.scheduler.config["flow_shift"] == 5.0 and config.defaults_from == str(path)
    typed = load(["quality=high", "clip.seed=4", "exporter=mp4", "run.budget=null"])
    assert (typed.quality.steps_scale, typed.clip.seed, typed.exporter.name, typed.also) == (1.5, 4, "mp4", {})
    assert typed.run.budget is None and typed.run.sheet is False


def test_a_config_that_was_typed_is_stronger(mine, tmp_path):
    mine(MINE)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/e.yaml").write_text("# @package _global_\ndefaults: [{override /quality: high}]\n")
    (tmp_path / "night.yaml").write_text("defaults: [config, _self_]\nclip: {seed: 9}\n")
    assert load(["+experiment=e"], Sources(str(tmp_path))).quality.steps_scale == 1.5
    assert load([], Sources(str(tmp_path), "night")).clip.seed == 9


def test_a_saved_run_and_whoever_says_so_do_without(mine):
    mine(MINE)
    assert load([], Sources(defaults=Defaults.NONE)).quality.steps_scale == 1.0
    saved = load([], Sources(defaults=Defaults.NONE))
    assert load_run_limits([])(saved).run.budget is None


def test_a_worker_composes_with_those_of_the_command(mine, monkeypatch):
    mine(MINE)
    copy = pickle.dumps(composer(BUILTIN))
    monkeypatch.setenv("VGPIPE_CONFIG", "")
    from hydra.types import RunMode

    composed = pickle.loads(copy).load_configuration("config", [], RunMode.RUN)
    assert (composed.clip.seed, composed.hydra.runtime.choices["hydra/job_logging"]) == (3, "stdout")


def test_the_file_is_found_in_the_users_config_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("VGPIPE_CONFIG")
    monkeypatch.setattr("platformdirs.user_config_path", lambda name, **_: tmp_path / name)
    assert defaults_path() is None and read_user_defaults() is None
    (tmp_path / "vgpipe").mkdir()
    (tmp_path / "vgpipe/config.yaml").write_text("quality: quick\n")
    assert load([]).quality.steps_scale == 0.25
    monkeypatch.setenv("VGPIPE_CONFIG", "")
    assert load([]).quality.steps_scale == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("qualty: quick\n", ["qualty: there is no such key", "did you mean quality?"]),
        ("clip: {sed: 3}\n", ["clip.sed: there is no such key", "did you mean clip.seed?"]),
        ("quality: quik\n", ["quality: 'quik' is not one of its options", "did you mean quick?"]),
        ("exporter: mp4+giff\n", ["exporter: 'giff'", "did you mean gif?"]),
        ("hydra/launcher: joblip\n", ["hydra/launcher: 'joblip'"]),
        ("clip: {seed: -1}\n", ["clip.seed: -1 is not allowed"]),
        ("hydra: {nonsense: 3}\n", ["nonsense"]),
        ("- quick\n", ["is no mapping of keys to values"]),
        ("a: [\n", ["cannot be read", "line 2"]),
    ],
)
def test_a_fault_names_the_file_and_the_key(mine, text, words):
    path = mine(text)
    with pytest.raises(ConfigError) as told:
        load([])
    assert all(word in str(told.value) for word in [str(path), *words]), str(told.value)


def test_a_fault_of_the_command_line_does_not_name_the_file(mine):
    path = mine("clip: {seed: 3}\n")
    with pytest.raises(ConfigError) as told:
        load(["clip.seed=-1"])
    assert str(path) not in str(told.value)


def test_a_file_that_is_named_must_be_there(monkeypatch):
    monkeypatch.setenv("VGPIPE_CONFIG", "/nowhere/mine.yaml")
    with pytest.raises(ConfigError, match=r"/nowhere/mine\.yaml.*VGPIPE_CONFIG=|VGPIPE_CONFIG=[^$]*/nowhere"):
        load([])


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_says_nothing(mine, text):
    mine(text)
    assert load([]).defaults_from is None


def test_a_run_names_the_file(mine, vgpipe):
    path = mine("run: {plan: 'off', sheet: false}\nhardware: cpu\n")
    size = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "clip.num_inference_steps=1")
    ran = vgpipe("clip.prompt=a red circle", *size, "hydra.run.dir=run")
    assert ran.code == 0 and f"with your own defaults of {path}" in ran.err
    assert str(path) in Path("run/run.log").read_text()
    assert yaml.safe_load(Path("run/config.yaml").read_text())["defaults_from"] == str(path)
    assert "sheet: false" in vgpipe("--cfg", "job").out


@pytest.mark.skipif(os.name == "nt", reason="users of POSIX are numbers")
def test_a_user_without_a_home_has_no_defaults_and_remembers_nothing(monkeypatch):
    """As in a container that runs under a number of its own."""
    for name in ("HOME", "VGPIPE_CONFIG", "VGPIPE_CACHE", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    assert defaults_path() is None
    with pytest.raises(OSError):
        user_cache_folder().mkdir(parents=True)
    assert portable("/models/wan") == "/models/wan"


def test_an_option_named_off_is_found_although_yaml_reads_false(mine):
    mine("checks: off\n")
    assert load([]).checks == load(["checks=off"]).checks
