"""Sweeps through Hydra's launchers and sweepers, each with real runs of the embedded model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import vgpipe

EXAMPLES = Path(__file__).parents[1] / "examples/sweeps"
SHAPES = Path(vgpipe.__file__).parent / "weights/shapes"
ONE_FRAME = ("clip.prompt=a red circle", "clip.width=32", "clip.height=32", "clip.num_frames=1", "run.plan=off")


def sweep_of(workdir: Path) -> Path:
    (folder,) = (workdir / "outputs/clip").glob("*-sweep")
    return folder


def clips(folder: Path) -> dict[str, dict]:
    """Returns folder name -> the record of its only clip."""
    runs = folder.glob("*/clips.jsonl")
    return {run.parent.name: json.loads(run.read_text().splitlines()[-1]) for run in runs}


def test_a_job_of_submitit_fails_alone(vgpipe, workdir):
    launcher = ("hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5")
    ran = vgpipe("-m", *ONE_FRAME, "clip.num_inference_steps=1", *launcher, f"model.id={SHAPES},{workdir}/nowhere")
    assert ran.code == 1
    (name, clip), *others = clips(sweep_of(workdir)).items()
    assert clip["state"] == "done" and name.startswith("model.id=") and not others
    _, done, failed, closing = filter(None, ran.out.splitlines())
    assert done.startswith(name) and done.endswith("1 of 1 done") and closing == "1 of 2 combinations complete"
    assert "not started: model.id" in failed and "nowhere is not a checkpoint folder" in failed


def test_workers_of_joblib_make_the_trials_of_a_search(vgpipe_process, workdir):
    workers = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.n_jobs=2", "hydra.sweeper.n_trials=2")
    search = ("hydra/sweeper=optuna", "hydra.sweeper.sampler.seed=1", "clip.guidance_scale=interval(1.5,9)")
    process = vgpipe_process("-m", *ONE_FRAME, "clip.num_inference_steps=1", *workers, *search)
    out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    folder = sweep_of(workdir)
    found = clips(folder)
    assert len(found) == 2 and {f"clip.guidance_scale={clip['guidance_scale']}" for clip in found.values()} == set(
        found
    )
    opening, *lines = err.splitlines()
    assert opening == f"2 combinations with hydra/launcher=joblib; logs: {folder.relative_to(workdir)}/*/run.log"
    assert {line.partition(":")[0] for line in lines} == set(found), "a line without its combination"
    assert "2 of 2 combinations complete" in out and (folder / "comparison.html").is_file()


def test_optuna_searches_as_the_example_says(vgpipe, workdir):
    few = ("clip.num_inference_steps=range(1,4)", "hydra.sweeper.n_trials=3")
    ran = vgpipe("-m", "-cd", EXAMPLES, "-cn", "search", *ONE_FRAME, *few)
    assert ran.code == 0, ran.err
    folder = sweep_of(workdir)
    found = clips(folder)
    assert len(found) == 3 and all(clip["state"] == "done" for clip in found.values())
    values = {
        (clip["guidance_scale"], clip["num_inference_steps"]): [
            clip["measures"]["sharpness"],
            sum(clip["seconds"].values()),
        ]
        for clip in found.values()
    }
    solutions = yaml.safe_load((folder / "optimization_results.yaml").read_text())["solutions"]
    assert solutions
    for one in solutions:
        typed = one["params"]["clip.guidance_scale"], one["params"]["clip.num_inference_steps"]
        assert one["values"] == values[typed]
    assert "best: clip.guidance_scale=" in ran.out and "3 of 3 combinations complete" in ran.out


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_composes(path, vgpipe, workdir):
    text = path.read_text()
    option = re.search(r"override (hydra/\w+): (\w+)", text)
    assert option and f"-cn {path.stem} " in text
    if f"{option[1]}={option[2]}" in ("hydra/launcher=ray", "hydra/sweeper=list"):
        pytest.skip("CI does not install its plugin")
    ran = vgpipe("-m", "-cd", EXAMPLES, "-cn", path.stem, "clip.prompt=a", "--cfg", "hydra", "-p", "hydra")
    assert ran.code == 0, ran.err
    node, given = yaml.safe_load(ran.out), yaml.safe_load(text)["hydra"]
    assert all(node[group][key] == value for group in given for key, value in given[group].items() if key != "sampler")
