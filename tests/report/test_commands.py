"""The line that renders a clip again gives the same settings through a shell and Hydra."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.runs import HOSTILE, record
from vgpipe.config.load import load
from vgpipe.report.commands import NoCommand, command_line, pick_line, quoted, run_overrides, shell_quoted

PROMPTS = [
    *HOSTILE.values(), "a", "null", "true", "1", "a,b", "[a]", "{a: b}", "a=b", "'", '"', "\\", "\\\\", 'x\\"', "x\\",
    "${x}", "\\${x}", "\\\\${x}", "$${x}", "${", "$", " padded ", "two\nlines", "tab\there", "!history", "a # b",
    "~", "*",
]  # fmt: skip


def read_back(line: str) -> tuple[dict[str, object], str]:
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "vgpipe"]
    config = load(words[3:])
    return {name: value for name, value in asdict(config.clip).items() if value is not None}, config.model.name


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: repr(prompt)[:24])
def test_line_gives_the_settings_back(prompt):
    one = record(prompt=prompt, negative_prompt=prompt[::-1])
    clip, model = read_back(command_line(one))
    names = ("prompt", "negative_prompt", "seed", "width", "height", "num_frames", "fps", "num_inference_steps")
    assert clip == {name: one[name] for name in (*names, "guidance_scale")}
    assert model == "shapes"


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=st.sampled_from("\\$${\"'} a\n,=[]:#"), min_size=1, max_size=12))
def test_any_text_survives(text):
    assert load(shlex.split(shell_quoted(f"clip.prompt={quoted(text)}"))).clip.prompt == text


def test_everything_that_a_clip_is_given_can_be_typed():
    placed = [{"frame": 8, "image": "/p/it's {a}, b: c.png", "image_sha256": "0" * 64}]
    facts = {"images": placed, "last_image": "/p/last one.png", "video": "/v.mp4", "strength": 0.5, "fit": "contain"}
    clip, _ = read_back(command_line(record(**facts)))
    assert clip["images"] == ("8: /p/it's {a}, b: c.png",)
    assert all(clip[name] == value for name, value in facts.items() if name != "images")
    line = pick_line({"job": "a.yaml", "model": {"name": "shapes"}, "clip": {"images": ["24: a b.png"]}}, "high")
    assert line is not None and """clip.images='{24: "a b.png"}'""" in line


def test_a_real_shell_reads_it(tmp_path):
    line = command_line(record(prompt=HOSTILE["quotes"]))
    script = line.replace("python -m vgpipe", "printf '%s\\0'", 1)
    out = subprocess.run(["sh", "-c", script], capture_output=True, check=True, cwd=tmp_path).stdout.decode()
    assert out.split("\0")[:-1] == shlex.split(line)[3:]
    assert not list(tmp_path.iterdir())


def test_the_final_line_leaves_work_to_the_preset():
    line = command_line(record(), quality="high")
    assert line.endswith("quality=high") and "steps" not in line and "guidance" not in line
    assert load(shlex.split(line)[3:]).quality.steps_scale == 1.5


def test_long_clips_and_images():
    told = {"method": "image", "segment_num_frames": 17, "num_inference_steps": 15, "match_color": True}
    clip, _ = read_back(command_line(record(continuation=told, image="/tmp/it's a.png", num_frames=80)))
    assert clip["continuation"] == "image" and clip["segment_num_frames"] == 17 and clip["match_color"] is True
    assert clip["image"] == "/tmp/it's a.png" and clip["segment_num_inference_steps"] == 15


UNSAYABLE = [
    {"prompt": "esc \x1b[31m"}, {"prompt": "nul \x00"}, {"prompt": "\ud800"}, {"prompt": "???"}, {"prompt": "\r"},
    {"prompt": None}, {"seed": "7; id"}, {"seed": True}, {"width": None}, {"fps": float("nan")}, {"model": "a; id"},
    {"model": "../x"}, {"model": "-h"}, {"shots": [{"prompt": "a"}]}, {"continuation": {"method": "x,y"}},
    {"continuation": 3}, {"image": 7}, {"prompt": "x" * 30_000},
]  # fmt: skip


@pytest.mark.parametrize("changes", UNSAYABLE, ids=lambda changes: repr(changes)[:30])
def test_what_no_line_can_say_has_none(changes):
    with pytest.raises(NoCommand):
        command_line(record(**changes))


def test_another_checkpoint_and_exporter_are_said():
    config = {"model": {"name": "generic", "id": "/models/my model", "revision": None}, "exporter": {"name": "frames"}}
    assert run_overrides(config) == ('model.id="/models/my model"', "exporter=frames")
    assert run_overrides({"model": {"name": "shapes", "id": "embedded:shapes"}, "exporter": {"name": "mp4"}}) == ()
    words = shlex.split(command_line(record(), run_overrides(config)))
    assert load(words[3:]).model.id == "/models/my model"


def test_further_exporters_are_said_after_the_first():
    config = {"exporter": {"name": "mp4"}, "also": {"gif": {"dither": "none"}, "sheet": None}}
    assert run_overrides(config) == ("exporter=mp4+gif+sheet",)
    assert command_line(record(), run_overrides(config)).endswith(" exporter=mp4+gif+sheet")


ALSO = [None, {}, [], 7, "gif", {"a; id": 1}, {"-h": 1}, {"a+b": 1}, {7: 1}, {"": 1}, {"$(id)": {}}]


@pytest.mark.parametrize("also", ALSO, ids=repr)
def test_exporters_that_cannot_be_typed_are_left_out(also):
    assert run_overrides({"exporter": {"name": "mp4"}, "also": also}) == ()
    assert run_overrides({"exporter": {"name": "a; id"}, "also": {"gif": {}}}) == ()
