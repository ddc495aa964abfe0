"""Files that say how they were made: `rerun` and `verify` as a user types them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from tests.conftest import SMALL
from vgpipe.exporters.ffmpeg import executable
from vgpipe.exporters.reading import read_recipe

PROMPT = 'a small "red" circle; 50% left = <b>right</b> \N{SNOWMAN}'
QUIET = ("run.sheet=false",)
RERUN = (*QUIET, "checks=off")


@pytest.fixture
def model(tiny_wan, tmp_path) -> Path:
    """A copy of the tiny checkpoint, which a test may change."""
    return Path(shutil.copytree(tiny_wan, tmp_path / "model"))


@pytest.fixture
def made(vgpipe, model):
    """Renders one clip; returns the file of each kind asked for."""

    def render(*exporters: str, prompt: str = PROMPT) -> dict[str, Path]:
        asked = f"exporter={'+'.join(exporters)}"
        typed = json.dumps(prompt, ensure_ascii=False)  # quoted for Hydra's grammar
        ran = vgpipe(f"clip.prompt={typed}", f"model.id={model}", *SMALL, *QUIET, asked)
        assert ran.code == 0, ran.err
        return {kind: ran.root / path for kind, path in ran.records()[0]["files"].items()}

    return render


def copied(video: Path, target: Path) -> Path:
    subprocess.run([executable(), "-v", "error", "-i", video, "-c", "copy", target], check=True)
    return target


def answers(ran) -> list[str]:
    return [line.split()[0] for line in ran.out.splitlines()]


def change_weights(model: Path) -> None:
    path = next((model / "transformer").glob("*.safetensors"))
    tensors = load_file(path)
    name = sorted(tensors)[0]
    save_file({**tensors, name: tensors[name] + 0.5}, path, metadata={"format": "pt"})


def test_every_file_of_a_clip_says_how_it_was_made(made):
    files = made("mp4", "webm", "gif", "frames")
    for kind, path in files.items():
        recipe = read_recipe(path)
        assert recipe["clip"]["prompt"] == PROMPT and recipe["clip"]["seed"] == 0
        assert recipe["exporter"]["name"] == kind
        assert recipe["model"]["family"] == "wan" and recipe["versions"]["torch"]
        assert len(recipe["latents"][0]["sha256"]) == 64 and recipe["device"].startswith("cpu ")


def test_a_file_is_made_again_to_the_same_latents(made, vgpipe, workdir):
    files = made("mp4", "webm", "frames")
    sources = [
        files["mp4"],
        files["webm"],
        next(files["frames"].glob("*.png")),
        copied(files["mp4"], workdir / "copied.mp4"),
        copied(files["webm"], workdir / "copied.webm"),
    ]
    assert answers(vgpipe("verify", *sources)) == ["same"] * len(sources)
    for number, source in enumerate(sources[:1] + sources[3:]):
        ran = vgpipe("rerun", source, "store.dir=fresh", f"hydra.run.dir=again-{number}", *RERUN)
        assert ran.code == 0, ran.err
        assert ran.out.splitlines()[-1].startswith("same: the latents are bit-identical to those of")
    old, new = files["mp4"], next(Path("again-0/videos").glob("*.mp4"))
    assert old.read_bytes() == new.read_bytes()


def test_verify_renders_to_know(made, vgpipe, model, workdir):
    video = made("mp4")["mp4"]
    ran = vgpipe("verify", "--render", video, *QUIET)
    assert ran.code == 0 and "same          " in ran.out and "the latents are bit-identical" in ran.out
    change_weights(model)
    ran = vgpipe("verify", "--render", "--json", video)
    told = json.loads(ran.out.splitlines()[-1])
    assert ran.code == 1 and told["answer"] == "drifted" and told["is_rendered"]
    assert "the latents differ" in told["reasons"][0] and "transformer" in told["reasons"][1]
    left = [path.name for path in Path("outputs/.store").iterdir() if path.name.startswith(".tmp")]
    assert left == []


def test_what_has_changed_is_named(made, vgpipe, model, workdir):
    video = made("mp4")["mp4"]
    moved = model.rename(workdir / "moved")
    ran = vgpipe("verify", video)
    assert ran.code == 1 and ran.out.startswith("unverifiable") and str(model) in ran.out
    assert vgpipe("rerun", video).code == 2
    assert answers(vgpipe("verify", video, f"model.id={moved}")) == ["same"]
    change_weights(moved)
    ran = vgpipe("verify", video, f"model.id={moved}")
    assert ran.code == 1 and ran.out.startswith("drifted") and "transformer has other files" in ran.out
    assert "text_encoder" not in ran.out and "vae" not in ran.out
    ran = vgpipe("rerun", video, f"model.id={moved}", *RERUN)
    assert ran.code == 0 and ran.out.splitlines()[-1].startswith("drifted: ") and "transformer" in ran.out


def test_a_run_without_metadata_leaves_nothing_behind(vgpipe, tiny_wan):
    ran = vgpipe("clip.prompt=a circle", f"model.id={tiny_wan}", *SMALL, "exporter=mp4+frames", "run.metadata=false")
    files = {kind: ran.root / path for kind, path in ran.records()[0]["files"].items()}
    frame = next(files["frames"].glob("*.png"))
    for path in (files["mp4"], frame, files["sheet"], files["poster"]):
        assert b"circle" not in path.read_bytes()
    told = vgpipe("verify", files["mp4"], frame)
    assert told.code == 1 and answers(told) == ["unverifiable"] * 2 and "run.metadata=false" in told.out


def test_what_is_typed_is_changed_and_said_and_verify_changes_nothing(made, vgpipe):
    video = made("mp4")["mp4"]
    ran = vgpipe("rerun", video, "clip.seed=4", "run.name={slug}-{seed}", *RERUN)
    last = ran.out.splitlines()[-1]
    assert ran.code == 0 and last.startswith("changed: the latents differ from those of ")
    assert last.endswith(": seed 0 -> 4")
    (again,) = ran.root.glob("videos/*-4.mp4")
    assert read_recipe(again)["clip"]["seed"] == 4
    ran = vgpipe("rerun", video, "job=x.yaml")
    assert ran.code == 2 and "job: is of no use for the one clip of a file" in ran.err
    for typed in ("clip.seed=4", "quality=quick", "model=shapes", "memory.vae_tiling=true"):
        assert vgpipe("verify", video, typed).code == 2


def test_bad_files_are_told_apart(vgpipe, workdir, tiny_wan):
    (workdir / "text.mp4").write_text("no video")
    for name in ("empty", "run"):
        (workdir / name).mkdir()
    (workdir / "run" / "clips.jsonl").write_bytes(b"\xff no record\n")
    ran = vgpipe("verify", "text.mp4", "missing.mp4", "empty", "run")
    assert ran.code == 1 and answers(ran) == ["unverifiable"] * 4
    for name in ("text.mp4", "missing.mp4", "empty"):
        told = vgpipe("rerun", name)
        assert told.code == 2 and name in told.err and not Path("outputs").exists()
    for command in ("rerun", "verify"):
        assert vgpipe(command).code == 2
        ran = vgpipe(command, "text.mp4", "--rendr")
        assert ran.code == 2 and "--rendr" in ran.err
        assert "usage" in vgpipe(command, "--help").out


def test_what_cannot_be_rendered_or_compared_is_said(made, vgpipe, monkeypatch):
    from vgpipe.models.families.wan import WanFamily

    video = made("mp4")["mp4"]
    ran = vgpipe("rerun", video, "run.metadata=false", *RERUN)
    assert ran.code == 0 and ran.out.splitlines()[-1] == "the latents cannot be compared: the new file has no metadata"

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the card fell out")

    monkeypatch.setattr(WanFamily, "denoise", broken)
    ran = vgpipe("verify", "--render", video)
    assert (
        ran.code == 1
        and "the card fell out" in ran.out.splitlines()[-1]
        and ran.out.splitlines()[-1].startswith("unverifiable")
    )
    assert not list(Path("outputs/.store").glob(".tmp-*"))


def test_a_runs_directory_stands_for_the_first_file_of_each_clip(vgpipe, model, workdir):
    (workdir / "job.yaml").write_text("prompts:\n  - a circle\n  - a square\n")
    ran = vgpipe("job=job.yaml", f"model.id={model}", *SMALL, "executor.canary=false", "exporter=gif+frames")
    told = vgpipe("verify", ran.root)
    assert told.code == 0 and answers(told) == ["same"] * 2 and told.out.count(".gif:") == 2


def test_a_contact_sheet_is_made_again_by_itself(vgpipe, model):
    ran = vgpipe("clip.prompt=a circle", f"model.id={model}", *SMALL)
    sheet = ran.root / ran.records()[0]["files"]["sheet"]
    again = vgpipe("rerun", sheet, "checks=off")
    assert again.code == 0 and again.out.splitlines()[-1].startswith("same: ")
