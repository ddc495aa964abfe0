"""`why` and `plan --why` from the command line, on runs that were never rendered."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Ran
from tests.runs.pretended import pretend_run
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.runs.attempts import Attempts
from vgpipe.stages import keys
from vgpipe.store.rundir import RunDir

JOB = """\
defaults: {seed: 7, num_inference_steps: 4}
prompts:
  - a small red circle
  - {id: hero, prompt: a large blue square, negative_prompt: black, guidance_scale: 5}
  - {id: still, prompt: a circle, image: first.png}
"""
SMALL = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "model.rules.image=optional", "executor.workers=1")
CONFIG = ("job=job.yaml", "model.id=model", *SMALL)
RUN = Path("outputs/job/2026-01-31_23-05-00")


@pytest.fixture(scope="module")
def scene(tiny_wan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of its own, a job, an image, and a run of the job."""
    folder = tmp_path_factory.mktemp("scene")
    with chdir(folder):
        Path("job.yaml").write_text(JOB)
        Image.new("RGB", (32, 32), "red").save("first.png")
        shutil.copytree(tiny_wan, "model")
        pretend_run(load(CONFIG), RUN)
    return folder


@pytest.fixture
def made(scene: Path, workdir: Path) -> RunDir:
    """The run, in a working directory with a copy of everything that it needs."""
    shutil.copytree(scene, workdir, dirs_exist_ok=True)
    for path in (RUN / "config.yaml", RUN / "inputs.json"):
        path.write_text(path.read_text().replace(str(scene), str(workdir)))
    return RunDir(RUN)


@pytest.fixture
def ask(vgpipe: Callable[..., Ran], made: RunDir) -> Callable[..., dict[str, str]]:
    """Asks `why` about the run, or with overrides `plan --why`; returns the name of a clip -> the answer."""

    def ask(*overrides: str) -> dict[str, str]:
        planned = ("plan", "--why", *CONFIG, *overrides)
        ran = vgpipe(*planned) if overrides else vgpipe("why", made.root)
        assert ran.code in (0, 1), ran.err
        return {line.split("  ")[0][:-9]: line.partition("  ")[2] for line in ran.out.splitlines()}

    return ask


def in_job(old: str, new: str) -> None:
    Path("job.yaml").write_text(Path("job.yaml").read_text().replace(old, new))


def in_file(path: Path) -> None:
    """Changes the last byte of a file."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


NOTHING = "in the store: nothing to do"


def test_what_is_done_is_left_alone(ask, vgpipe, made):
    assert set(ask().values()) == {NOTHING}
    assert set(ask("exporter.timeout_s=60").values()) == {NOTHING}
    ran = vgpipe("why", made.root, "hero", "--json")
    [clip] = json.loads(ran.out)["clips"]
    assert ran.code == 0 and clip["work"] == "nothing" and clip["was"] == clip["clip"] and clip["run"] == str(made.root)


def test_a_draft_is_there_until_the_whole_clip_is_wanted(ask, vgpipe, made):
    shutil.rmtree(made.root)
    shutil.rmtree(made.root.parent.parent / ".store")
    pretend_run(load((*CONFIG, "draft=2")), RUN)
    assert set(ask().values()) == {f"{NOTHING} (a draft, step 2 of 4: `continue` finishes it)"}
    assert set(ask("draft=null").values()) == {"continued at step 2 of 4: that run has its draft"}


IN_JOB = (
    ("a small red circle", "a red circle", "a-red-circle",
     'rendered again: prompt changed from "a small red circle" to "a red circle"'),
    ("a large blue square", "a blue square", "hero",
     'rendered again: prompt changed from "a large blue square" to "a blue square"'),
    ("black", "white", "hero", 'rendered again: negative prompt changed from "black" to "white"'),
    ("seed: 7", "seed: 8", "hero", "rendered again: seed 7 -> 8"),
    ("steps: 4", "steps: 6", "hero", "rendered again: steps 4 -> 6"),
    ("scale: 5", "scale: 6", "hero", "rendered again: guidance_scale 5 -> 6"),
    ("prompts:", "prompts:\n  - a new circle", "a-new-circle", "rendered: no earlier run has this clip"),
)  # fmt: skip
IN_SETTINGS = {
    "clip.width=64": "rendered again: size 32x32 -> 64x32",
    "clip.fps=12": "decode and export again: fps 8 -> 12",
    "model.dtype=float16": "rendered again: precision of text_encoder, tokenizer, transformer, vae float32 -> float16",
    "model.scheduler.config.flow_shift=5": "rendered again: scheduler.flow_shift 3 -> 5",
    "exporter=gif": "decode and export again: exporter mp4 -> gif",
    "run.metadata=false": "decode and export again: run.metadata true -> false",
}


def test_a_change_of_the_job_is_named(ask):
    for old, new, clip, answer in IN_JOB:
        Path("job.yaml").write_text(JOB)
        in_job(old, new)
        assert ask()[clip] == answer


def test_a_change_of_the_settings_is_named(ask):
    assert {override: ask(override)["hero"] for override in IN_SETTINGS} == IN_SETTINGS


def test_a_file_of_the_model_is_named(ask):
    in_file(Path("model") / "transformer" / "diffusion_pytorch_model.safetensors")
    changed = "model file transformer/diffusion_pytorch_model.safetensors changed"
    assert set(ask().values()) == {f"rendered again: {changed}"}


def test_the_same_model_elsewhere_is_no_change_and_another_one_is(ask):
    shutil.copytree("model", "other")
    assert set(ask("model.id=other").values()) == {NOTHING}
    in_file(Path("other/vae/diffusion_pytorch_model.safetensors"))
    assert ask("model.id=other")["hero"].startswith("decode and export again: model.id ")


def test_an_image_with_other_content_is_named(ask):
    Image.new("RGB", (32, 32), "blue").save("first.png")
    answers = ask()
    assert answers["still"] == 'rendered again: image "first.png": other content' and answers["hero"] == NOTHING


def test_a_newer_stage_of_vgpipe_is_named(ask, monkeypatch):
    monkeypatch.setitem(keys.VERSIONS, "decode", keys.VERSIONS["decode"] + 1)
    assert ask()["hero"].startswith("decode and export again: vgpipe's own decode stage: version")


def test_another_version_of_a_library_changes_no_key_and_is_told(ask, made):
    inputs = json.loads(made.inputs.read_text())
    made.inputs.write_text(json.dumps({**inputs, "versions": {**inputs["versions"], "diffusers": "0.1"}}))
    assert ask()["hero"].startswith(f"{NOTHING} (diffusers 0.1 then, ")


def test_what_the_store_lost_is_told(ask):
    shutil.rmtree("outputs/.store/export")
    assert ask()["hero"] == "decode and export again: its files are no longer in the store"
    shutil.rmtree("outputs/.store/denoise")
    assert ask()["hero"] == "rendered again: its files are no longer in the store"
    assert ask("exporter.crf=20")["hero"] == "rendered again: mp4.crf 16 -> 20; its latents are no longer in the store"


def test_a_clip_that_failed_or_was_not_reached_is_told(vgpipe, made):
    shutil.rmtree("outputs")
    pretend_run(load(CONFIG), RUN, {"hero": "failed", "still": "pending"})
    ran = vgpipe("why", RUN)
    assert ran.code == 1
    assert [line.partition("  ")[2] for line in ran.out.splitlines()] == [
        NOTHING,
        "rendered again: it failed: decode: bad",
        "rendered again: the run ended before it was done",
    ]


def test_of_a_run_of_an_older_version_is_told_what_its_records_say(ask, made):
    made.inputs.unlink()
    assert set(ask().values()) == {NOTHING}
    in_job("seed: 7", "seed: 8")
    assert ask()["hero"] == "rendered again: seed 7 -> 8"
    shutil.rmtree("outputs/.store")
    assert ask()["hero"] == "rendered again: seed 7 -> 8"


def test_the_run_of_a_job_that_is_gone_is_asked_by_its_records(ask):
    Path("job.yaml").unlink()
    assert set(ask().values()) == {NOTHING}


def test_inputs_that_cannot_be_read_are_those_of_an_older_run(ask, made):
    for text in ("[]", "{", '{"clips": {"hero": 5}, "parts": [], "files": {"a": 3}, "model": 1}'):
        made.inputs.write_text(text)
        assert set(ask().values()) == {NOTHING}


def test_bad_usage_is_told(vgpipe, made):
    for arguments, told in (
        (("why",), "why takes a run directory"),
        (("why", made.root, "nobody"), "the run has no clip 'nobody' -> one of its 3 clips"),
        (("why", "outputs"), "outputs holds no run"),
        (("why", made.root, "--all"), "why takes a run directory"),
        (("plan", "--why", "job=none.yaml"), "none.yaml"),
    ):
        ran = vgpipe(*arguments)
        assert ran.code == 2 and told in ran.err


def test_asking_imports_neither_numpy_nor_a_model_library(made):
    code = (
        "import sys; from vgpipe.cli import main; code = main(['why', sys.argv[1]]);"
        "sys.exit(code or len({'torch', 'numpy', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code, made.root], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_run_that_cannot_keep_its_inputs_goes_on(made, caplog):
    made.inputs.unlink()
    made.inputs.mkdir()
    states = Attempts(load(CONFIG)).states
    states.keep_inputs(made, states.asked(request(load(CONFIG)).clips))
    assert "`why` will know less of this run" in caplog.text
