"""`images:` of a prompt, in every format and form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import JobError, UsageError
from vgpipe.job.clip import Clip

MODEL = ("model=wan21_vace_1_3b", "clip.width=256", "clip.height=256", "clip.num_frames=17")


@pytest.fixture
def clips_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Clip, ...]]:
    """Writes a job beside three images and reads it as the command line does."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate("abc"):
        Image.new("RGB", (256, 256), (40 * number, 0, 0)).save(f"{name}.png")

    def read(content: str | None, *overrides: str, suffix: str = ".yaml") -> tuple[Clip, ...]:
        job = [f"job=job{suffix}"] if content is not None else []
        if content is not None:
            Path(f"job{suffix}").write_text(content)
        return request(load([*MODEL, *job, *overrides])).clips

    return read


def places(clip: Clip) -> list[tuple[int, str]]:
    return [(one.frame, Path(one.image).name) for one in clip.images]


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        ("prompts: [{prompt: x, images: {8: a.png, -5: b.png}}]", ".yaml"),
        ("prompts: [{prompt: x, images: [8: a.png, '12: b.png']}]", ".yaml"),
        ("defaults: {images: {8: a.png, 12: b.png}}\nprompts: [x]", ".yaml"),
        ("prompts: [{prompt: x, images: {8: '{n}.png', 12: b.png}, matrix: {n: [a]}}]", ".yaml"),
        ('prompt,images\nx,"8: a.png; 12: b.png"\n', ".csv"),
        ('{"prompt": "x", "images": {"8": "a.png", "12": "b.png"}}\n', ".jsonl"),
    ],
)
def test_every_form_is_read_alike(clips_of, content, suffix):
    (clip,) = clips_of(content, suffix=suffix)
    assert places(clip) == [(8, "a.png"), (12, "b.png")] and clip.fit is None


def test_the_command_line_takes_a_mapping_which_is_stronger(clips_of):
    (clip,) = clips_of("prompts: [{prompt: x, images: {8: a.png}}]", "clip.images={4: c.png}")
    assert places(clip) == [(4, "c.png")]


def test_an_image_on_the_first_or_last_frame_is_that_of_the_clip(clips_of):
    (clip,) = clips_of(None, "clip.prompt=x", "clip.images={0: a.png, -1: b.png, 3: c.png}")
    assert [Path(one).name for one in (clip.image, clip.last_image)] == ["a.png", "b.png"]
    assert places(clip) == [(3, "c.png")]


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ("{8: nix.png}", '.yaml:1: images "nix.png" is not there'),
        ("{99: a.png}", ".yaml:1: images: frame 99 is outside of the clip, which has 17 frames"),
        ("{3: a.png, -14: b.png}", ".yaml:1: images: frame -14 is there twice -> keep one of them"),
        ("{x: a.png}", '.yaml:1: item 1 of images is the text "x: a.png"; allowed: frame numbers'),
        ("{8: [a.png]}", ".yaml:1: an item of images is no frame with the path of an image file"),
        ("a.png", '.yaml:1: item 1 of images is the text "a.png"'),
    ],
)
def test_what_is_wrong_is_named_at_its_line(clips_of, images, said):
    with pytest.raises(JobError) as caught:
        clips_of(f"prompts: [{{prompt: x, images: {images}}}]")
    assert any(said in str(fault) for fault in caught.value.faults)


def test_a_wrong_override_shows_how_to_type_it(clips_of):
    with pytest.raises(UsageError) as caught:
        clips_of(None, "clip.prompt=x", "clip.images=3")
    assert "type 'clip.images={24: middle.png}'" in str(caught.value.faults[0])
