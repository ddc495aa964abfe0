"""Hydra's flags as its documentation has them, typed after `python -m vgpipe`."""

from __future__ import annotations

import json
import logging

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra

from vgpipe.runs.attempts import Attempts


@pytest.fixture
def mine(workdir):
    """Configs of a user: a root config, an option and an experiment."""
    for folder in ("quality", "experiment"):
        (workdir / "mine" / folder).mkdir(parents=True)
    (workdir / "mine/night.yaml").write_text(
        "defaults: [config, {override quality: draft}, _self_]\nrun: {budget: 8h}\n"
    )
    (workdir / "mine/quality/draft.yaml").write_text("steps_scale: 0.2\n")
    (workdir / "mine/experiment/seven.yaml").write_text(
        "# @package _global_\ndefaults: [{override /quality: draft}]\nclip: {seed: 7}\n"
    )
    return workdir / "mine"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--info config", ["Config search path", "Defaults List", "steps_scale: 1.0"]),
        ("--info defaults", ["| quality/standard"]),
        ("--info defaults-tree", ["quality: standard"]),
        ("--info plugins", ["BasicLauncher", "BashCompletion"]),
        ("--info searchpath --config-dir mine", ["pkg://vgpipe.conf", "file://", "mine"]),
        ("--info", ["Hydra 1.3", "Defaults Tree"]),
        ("--hydra-help", ["Hydra's help", "--experimental-rerun"]),
        ("--cfg hydra -p hydra.sweeper", ["BasicSweeper"]),
        ("--cfg all --package run --resolve", ["# @package run", "degrade: safe"]),
        ("-m --cfg job quality=quick,high", ["# swept: quality=quick,high", "steps_scale: 1.0"]),
        ("--cfg job -p clip -m clip.seed=interval(0,9)", ["# @package clip"]),
        ("--cfg job -cd mine -cn night", ["budget: 8h", "steps_scale: 0.2"]),
        ("--cfg job -cd mine +experiment=seven", ["seed: 7", "steps_scale: 0.2"]),
        ("--cfg job hydra.searchpath=[file://mine] +experiment=seven quality=quick", ["seed: 7", "steps_scale: 0.25"]),
        ("--cfg job -cp mine -cn night hydra.searchpath=[pkg://vgpipe.conf]", ["budget: 8h", "steps_scale: 0.2"]),
    ],
)
def test_what_only_shows(vgpipe, mine, typed, words):
    ran = vgpipe(*typed.split())
    assert ran.code == 0 and ran.err == "" and all(word in ran.out for word in words), ran
    assert not (mine.parent / "outputs").exists() and GlobalHydra.instance().hydra is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--cfg job -p nothing", ["--package", "'nothing'"]),
        ("--cfg job -cn nowhere", ["invalid configuration", "'nowhere'"]),
        ("-m clip.prompt=a hydra.sweeper.params={quality:'quick,quik'}", ["invalid configuration", "'quality/quik'"]),
        ("--cfg job --info", ["--cfg and --info"]),
        ("--resolve clip.prompt=a", ["--resolve", "--cfg"]),
        ("--info nothing", ["'nothing'", "searchpath"]),
        ("--experimental-rerun nowhere", ["nowhere", ".hydra/"]),
        ("-sc install=csh", ["csh", "install=bash"]),
        ("clip.prompt=a clip.seed=1,2", ["clip.seed", "add -m"]),
        ("clip.prompt=a hydra/launcher=joblip", ["hydra/launcher", "joblip"]),
        ("-m clip.prompt=a hydra.launcher=null", ["launcher is not configured"]),
        ("-m clip.prompt=a hydra.sweeper.params={clip.seed:'interval(0,9)'}", ["sweep type"]),
        ("-cp nowhere clip.prompt=a", ["nowhere"]),
        ("-m clip.prompt=a clip.seed=1,2 +hydra.callbacks.mine._target_=nothing.Mine", ["nothing"]),
    ],
)
def test_bad_usage_is_one_message_without_a_traceback(vgpipe, workdir, typed, words):
    ran = vgpipe(*typed.split())
    assert ran.code == 2 and all(word in ran.err for word in words), ran.err
    assert "Traceback" not in ran.err and not (workdir / "outputs").exists()


@pytest.fixture
def compositions(monkeypatch):
    """Counts how often Hydra composes."""
    counted: list[str] = []
    whole = ConfigLoaderImpl.load_configuration

    def load(self, config_name, *others, **named):
        counted.append(config_name)
        return whole(self, config_name, *others, **named)

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", load)
    return counted


def test_every_run_is_composed_once(vgpipe, compositions):
    assert vgpipe("job=nowhere.yaml").code == 2 and len(compositions) == 1
    compositions.clear()
    assert vgpipe("-m", "job=nowhere.yaml", "clip.seed=1,2").code == 2 and len(compositions) == 1 + 2


def test_what_hydra_saves_stands_beside_the_config_and_runs_again(render, vgpipe, compositions):
    ran = render("clip.prompt=a red circle", "hydra.run.dir=mine/${hydra:job.name}")
    assert ran.code == 0 and ran.root.name == "vgpipe" and len(compositions) == 1
    assert sorted(path.name for path in (ran.root / ".hydra").iterdir()) == [
        "config.yaml",
        "hydra.yaml",
        "overrides.yaml",
    ]
    (ran.root / "clips.jsonl").unlink()
    again = vgpipe("--experimental-rerun", ran.root / ".hydra/config.pickle")
    assert again.code == 0 and again.root == ran.root and again.records()[0]["state"] == "done"


def test_a_config_can_ask_for_a_sweep_and_name_its_directories(render, workdir, compositions):
    ran = render(
        *("clip.prompt=a red circle", "hydra.mode=MULTIRUN", "hydra.sweeper.params={clip.seed: '1,2'}"),
        *("hydra.sweep.dir=mine", "hydra.sweep.subdir=${hydra.job.num}", "store.dir=mine/store-${hydra:job.num}"),
    )
    assert ran.code == 0 and (workdir / "mine/comparison.html").is_file(), ran.err
    records = [json.loads((workdir / f"mine/{number}/clips.jsonl").read_text()) for number in (0, 1)]
    assert [record["seed"] for record in records] == [1, 2] and (workdir / "mine/store-1").is_dir()
    assert len(compositions) == 1 + 1 + 2  # to find the mode, for the sweeper, and each combination


def test_logging_is_as_hydras_configs_say_and_run_log_has_it_all(render, monkeypatch):
    make = Attempts.make

    def traced(self, *given):
        logging.getLogger("vgpipe.runs.attempts").debug("tracing")
        logging.getLogger("vgpipe.runs.attempts").info("telling")
        return make(self, *given)

    monkeypatch.setattr(Attempts, "make", traced)
    for number, (typed, on_stdout, on_stderr) in enumerate(
        [
            ([], [], ["telling"]),
            (["hydra.verbose=true"], [], ["telling", "tracing"]),
            (["hydra.verbose=[vgpipe.runs]"], [], ["telling", "tracing"]),
            (["hydra/job_logging=stdout"], ["telling"], []),
            (["hydra/job_logging=stdout", "hydra.verbose=[vgpipe.runs]"], ["telling", "tracing"], []),
            (["hydra/job_logging=disabled"], [], []),
        ]
    ):
        ran = render("clip.prompt=a red circle", f"hydra.run.dir=run-{number}", *typed)
        for words, text in ((on_stdout, ran.out), (on_stderr, ran.err)):
            assert [word for word in ("telling", "tracing") if word in text] == words, (typed, ran)
        assert "tracing" in (ran.root / "run.log").read_text() and logging.getLogger().level == logging.WARNING
