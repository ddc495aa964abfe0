"""A folder of images as a job."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.job.conftest import PRESET, REFERENCE
from vgpipe.errors import JobError
from vgpipe.job.reading.find import find_job
from vgpipe.job.reading.parse import read_job
from vgpipe.job.resolving.expand import expand
from vgpipe.job.rules import ShapeRules

RULES = ShapeRules(max_side=256, image="optional")


@pytest.fixture
def expanded(tmp_path, monkeypatch):
    """Makes images and texts in a folder, and expands it."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str, rules: ShapeRules = RULES, given: str = "pics/", texts=None, **overrides: object):
        folder = tmp_path / "pics"
        folder.mkdir()
        for number, name in enumerate(names):
            Image.new("RGB", (64, 64), (number, 0, 0)).save(folder / name)
        for name, text in (texts or {}).items():
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        job = read_job(find_job(given, tmp_path), rules=rules)
        return expand(job, overrides=overrides, preset=PRESET, reference=REFERENCE, rules=rules, model="m")

    return make


def test_each_image_begins_a_clip_with_the_text_beside_it_or_that_of_the_command_line(expanded, tmp_path):
    names = ("pic10.png", "pic2.JPG", " {odd}.webp", ".hidden.png")
    made = expanded(*names, texts={"pic2.txt": "\ufeff{a|a} dog\n", "notes.txt": "x"}, prompt="a cat", takes=2)
    assert [clip.image for clip in made.clips[::2]] == [
        str(tmp_path / "pics" / name) for name in (" {odd}.webp", "pic2.JPG", "pic10.png")
    ]
    assert [clip.prompt for clip in made.clips[::2]] == ["a cat", "a dog", "a cat"]
    assert [clip.id.rpartition("-")[0] for clip in made.clips[1::2]] == ["odd", "pic2", "pic10"]
    assert made.notes == ("pics: 1 of 3 images have a prompt of their own, in a .txt beside them",)
    assert set(made.jobs) == {"pics"}


def test_a_job_in_the_folder_jobs_may_be_one_too(expanded, tmp_path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "pics").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "elsewhere" / "a.png")
    (clip,) = expanded(prompt="x").clips
    assert clip.image == str(tmp_path / "jobs" / "pics" / "a.png")


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (("a.png",), {}, "pics/a.png: it has no prompt -> write one into a .txt of its name beside it, or type 'clip."),
        ((), {}, 'job: "pics/" is a directory without images, not a job'),
        (
            ("a.png",),
            {"rules": ShapeRules(max_side=256)},
            "pics: it holds 1 image, and the model makes videos from text",
        ),
        (("a.png",), {"texts": {"a.txt": " \n"}}, 'pics/a.png: "a.txt" beside it is empty -> write a prompt into it'),
        (("a.png",), {"texts": {"a.txt": b"\xff"}}, 'pics/a.png: "a.txt" beside it is not UTF-8'),
        (("a.png",), {"texts": {"a.txt": "a {size} cat"}}, "pics/a.png: prompt has the place {size}"),
        (("a.png",), {"texts": {"a.txt": "a __colour__ cat"}}, "pics/a.png: __colour__ has no list"),
        (("a.png",), {"texts": {"a.txt": "<lora:x:1>"}}, "pics/a.png: <lora:x:1> in the prompt loads no LoRA"),
        (("b.png",), {"texts": {"a.png": "x"}, "prompt": "x"}, 'pics/a.png: image "a.png" is not an image that can be'),
        (("a.png",), {"prompt": "x", "width": 50}, "clip.width: width is 50"),
        (("${a}.png",), {"prompt": "x"}, "its name cannot be written in a job -> rename it"),
    ],
)
def test_what_cannot_be_made_is_said_by_the_name_of_the_image(expanded, names, options, words):
    with pytest.raises(JobError) as caught:
        expanded(*names, **options)
    assert words in str(caught.value)


def test_notes_name_the_images(expanded):
    notes = expanded("a.png", "b.png", texts={"a.txt": "(x:1.3)", "b.txt": "(x:1.3)"}).notes
    assert "a.png, b.png: weights such as (word:1.3) have no effect, and are read as text" in notes
