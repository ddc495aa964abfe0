"""The command line as a user types it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.forked import Forked
from vgpipe.cli import main
from vgpipe.commands.registry import COMMANDS

ROOT = Path(__file__).parents[1]


def test_help_lists_commands_groups_and_exit_codes(vgpipe):
    ran = vgpipe("--help")
    assert ran.code == 0
    for word in ("job=prompts.yaml", "resume", "-m", "quality", "quick standard", "mp4", "clip.seed", "exit codes"):
        assert word in ran.out
    for command in COMMANDS:
        pages = {vgpipe(*asked).out for asked in ([command, "--help"], [command, "-h"], ["help", command])}
        (page,) = pages
        assert (f"vgpipe {command} " in page or command == "run") and max(map(len, page.splitlines())) <= 100
    assert vgpipe("help").out == ran.out and vgpipe("help", "nothing").code == 2


def test_version(vgpipe):
    assert vgpipe("--version").out.startswith("vgpipe 0.")


def test_no_arguments_show_the_help_and_are_bad_usage(vgpipe):
    ran = vgpipe()
    assert ran.code == 2 and "usage" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu", "job=a.yaml"], ["'rnu'", "did you mean run?"]),
        (["a.yaml"], ["job=a.yaml"]),
        (["job=missing.yaml"], ["missing.yaml", "jobs/missing.yaml"]),
        (["quality=quick"], ["clip.prompt"]),
        (["job=job.yaml", "qualty=quick"], ["did you mean quality?"]),
        (["job=job.yaml", "model.id=/nowhere"], ["/nowhere", "nothing is there"]),
        (["job=job.yaml", "model.family=sora"], ["model.family", "sora", "wan"]),
        (["job=job.yaml", "clip.num_frames=16"], ["clip.num_frames", "16", "17"]),
        (["job=job.yaml", "clip.width=65"], ["clip.width", "65", "64"]),
        (["job=job.yaml", "clip.seconds=2", "clip.num_frames=17"], ["clip.seconds", "clip.num_frames"]),
        (["resume"], ["no unfinished run below outputs"]),
        (["resume", ""], ["run directory"]),
        (["resume", "quality=quick"], ["quality"]),
        (["job=job.yaml", "--config-dir", "nowhere"], ["nowhere", "not a folder"]),
        (["job=job.yaml", "hydra.job.chdir=true"], ["hydra.job.chdir"]),
        (["-m", "job=job.yaml", "clip.seed=interval(0,2)"], ["clip.seed", "range"]),
        (["--cfg", "job", "qualty=quick"], ["did you mean quality?"]),
        (["clip.prompt=\udcff"], ["clip.prompt", "UTF-8"]),
        (["clip.prompt=a", "clip.fps=0.01"], ["clip.fps", "0.01"]),
        (["resume", "nowhere"], ["nowhere"]),
        (["resume", "."], ["clips.jsonl"]),
        (["-m", "job=job.yaml", "quality=quick,fast"], ["fast", "high, quick, standard"]),
    ],
)
def test_bad_usage_is_one_message_and_starts_nothing(vgpipe, workdir, arguments, words):
    (workdir / "job.yaml").write_text("prompts: [a red circle]\n")
    ran = vgpipe(*arguments)
    assert ran.code == 2
    assert all(word in ran.err for word in words), ran.err
    assert "Traceback" not in ran.err and not (workdir / "outputs").exists()


def test_all_faults_of_a_job_come_at_once_with_their_lines(vgpipe, workdir):
    (workdir / "job.yaml").write_text("prompts:\n  - {prompt: a, sed: 1}\n  - ''\n  - {prompt: b, width: 65}\n")
    told = vgpipe("job=job.yaml").err
    assert all(f"job.yaml:{line}" in told for line in (2, 3, 4))


def test_debug_shows_the_traceback(vgpipe):
    assert "Traceback" in vgpipe("--debug", "job=missing.yaml").err


def test_one_prompt_needs_no_job_file(render):
    ran = render("clip.prompt=a small red circle")
    assert ran.code == 0 and "outputs/clip/" in str(ran.root)
    assert ran.records()[0]["prompt"] == "a small red circle"


def test_the_prompt_of_a_job_is_never_resolved(render, workdir):
    (workdir / "job.yaml").write_text('prompts: ["a ${oc.env:HOME} circle; $(touch hacked) `touch hacked`"]\n')
    ran = render("job=job.yaml")
    assert ran.code == 0 and ran.records()[0]["prompt"].startswith("a ${oc.env:HOME} circle")
    assert not (workdir / "hacked").exists()


def test_a_job_is_also_looked_up_in_jobs(render, workdir):
    (workdir / "jobs").mkdir()
    (workdir / "jobs/night.yaml").write_text("prompts: [a red circle]\n")
    assert "outputs/night/" in str(render("job=night.yaml").root)


def test_precedence_of_settings(render, workdir):
    (workdir / "job.yaml").write_text(
        "defaults: {seed: 1, guidance_scale: 4}\nprompts: [a, {prompt: b, seed: 2, num_inference_steps: 3}]\n"
    )
    records = render("job=job.yaml", "clip.guidance_scale=1").records()
    assert [(record["seed"], record["num_inference_steps"], record["guidance_scale"]) for record in records] == [
        (1, 4, 1.0),
        (2, 3, 1.0),
    ]


def test_a_sweep_makes_one_directory_per_combination_and_shares_the_store(render, workdir):
    (workdir / "job.yaml").write_text("prompts: [a red circle]\n")
    ran = render("-m", "job=job.yaml", "quality=quick,standard", "clip.seed=0,1")
    assert ran.code == 0
    sweep = next((workdir / "outputs/job").glob("*-sweep"))
    found = sorted(path.name for path in sweep.iterdir() if path.is_dir())
    assert len(found) == 4
    assert all("quality=" in name and "clip.seed=" in name for name in found)
    seeds = [json.loads((sweep / name / "clips.jsonl").read_text())["seed"] for name in found]
    assert sorted(seeds) == [0, 0, 1, 1]
    # The steps are forced by the test's own override, so both qualities name the same clips: made once.
    reused = [json.loads((sweep / name / "clips.jsonl").read_text())["reused"] for name in found]
    assert sum(reused) == 2


def test_one_run_of_a_sweep_is_resumed_by_its_directory(render, vgpipe, workdir):
    (workdir / "job.yaml").write_text("prompts:\n  - a small red circle\n")
    assert render("-m", "job=job.yaml", "clip.seed=1,2").code == 0
    found = next((workdir / "outputs/job").glob("*-sweep/clip.seed=1"))
    for video in (found / "videos").iterdir():
        video.unlink()
    ran = vgpipe("resume", found)
    assert ran.code == 0, ran.err
    assert len(list((found / "videos").iterdir())) == 1
    assert vgpipe("resume", "clip.seed=1").code == 2


def test_flags_may_stand_anywhere_and_glob_sweeps_over_all_options(render, workdir):
    (workdir / "job.yaml").write_text("prompts: [a red circle]\n")
    ran = render("job=job.yaml", "-m", "quality=glob(*)")
    assert ran.code == 0
    sweep = next((workdir / "outputs/job").glob("*-sweep"))
    names = sorted(path.name for path in sweep.iterdir() if path.is_dir())
    assert names == ["quality=high", "quality=quick", "quality=standard"]


def test_a_group_file_that_is_no_yaml_is_one_message(vgpipe, workdir):
    (workdir / "mine/quality").mkdir(parents=True)
    (workdir / "mine/quality/worse.yaml").write_text("steps_scale: [\n")
    ran = vgpipe("clip.prompt=a", "quality=worse", "--config-dir", "mine")
    assert ran.code == 2 and "cannot be composed" in ran.err and "Traceback" not in ran.err


def test_run_alone_shows_the_help(vgpipe):
    assert vgpipe("run").code == 2


def test_a_terminal_that_cannot_show_a_prompt_is_no_failure(workdir, tiny_wan, monkeypatch):
    from tests.conftest import SMALL

    written = {"stdout": io.BytesIO(), "stderr": io.BytesIO()}  # as Python opens them with PYTHONIOENCODING=ascii
    for name, errors in (("stdout", "strict"), ("stderr", "backslashreplace")):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(written[name], "ascii", errors))
    assert main(["clip.prompt='кот и круг'", f"model.id={tiny_wan}", *SMALL]) == 0, written["stderr"].getvalue()
    assert b"1 done" in written["stdout"].getvalue()


def test_cfg_shows_the_config_and_runs_nothing(vgpipe, workdir):
    ran = vgpipe("quality=quick", "--cfg", "job")
    assert ran.code == 0 and "steps_scale: 0.25" in ran.out
    assert not (workdir / "outputs/clip").exists()


def in_a_new_process(code: str, cwd: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120
    )


LIGHT = """
import sys
from vgpipe.cli import main
main(sys.argv[1:])
libraries = {"torch", "diffusers", "transformers", "numpy"}
print(sorted(libraries & set(sys.modules)), "vgpipe.models" in sys.modules, "vgpipe.planner" in sys.modules)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["job=faulty.yaml"], ["qualty=quick"]])
def test_help_and_faults_import_nothing_heavy(workdir, arguments):
    (workdir / "faulty.yaml").write_text("prompts:\n  - {prompt: a red circle, sede: 3}\n")
    ran = in_a_new_process(LIGHT, workdir, *arguments)
    assert ran.stdout.splitlines()[-1] == "[] False False"
    assert ('unknown key "sede"' in ran.stderr) == (arguments == ["job=faulty.yaml"])


def test_a_finished_job_run_again_imports_nothing_heavy(render, workdir, tiny_wan):
    from tests.conftest import SMALL

    (workdir / "job.yaml").write_text("prompts: [a red circle]\n")
    render("job=job.yaml")
    ran = in_a_new_process(LIGHT, workdir, "job=job.yaml", f"model.id={tiny_wan}", *SMALL)
    assert ran.stdout.splitlines()[-1] == "[] True False" and "1 done" in ran.stdout


def test_two_runs_started_in_the_same_second_do_not_disturb_each_other(workdir, tiny_wan):
    from tests.conftest import SMALL

    (workdir / "job.yaml").write_text("prompts: [a red circle]\n")
    command = ["job=job.yaml", f"model.id={tiny_wan}", *SMALL]
    time.sleep(1 - time.time() % 1)
    runs = [Forked(command, workdir) for _ in range(2)]
    ends = [(run.communicate(timeout=120), run.returncode) for run in runs]
    assert [code for _, code in ends] == [0, 0], ends
    roots = {out.partition("report  ")[2].split()[0] for (out, _), _ in ends}
    assert len(roots) == 2


def test_a_fault_in_one_combination_of_a_sweep_names_it(vgpipe, workdir):
    ran = vgpipe("-m", "clip.prompt=circle", "clip.width=64,999")
    assert ran.code == 2 and "nothing was started" in ran.err and "(with clip.width=999)" in ran.err
    assert not (workdir / "outputs").exists()


def test_a_config_that_tells_the_time_runs_all_the_same(vgpipe, workdir):
    size = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "clip.num_inference_steps=1")
    ran = vgpipe("clip.prompt=a red circle", *size, "hardware=cpu", "store.dir=store-${now:%f}", "run.plan=off")
    assert ran.code == 0, ran.err
