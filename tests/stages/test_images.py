"""The images that a clip is given, at its size."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.job.given_clips import clip_of
from vgpipe.errors import ModelError
from vgpipe.job.clip import PlacedImage
from vgpipe.stages.file_copies import use_copy
from vgpipe.stages.images import given_frames

RED, BLUE, BLACK = (255, 0, 0), (0, 0, 255), (0, 0, 0)


def saved(path: Path, picture: Image.Image, **how: object) -> tuple[str, str]:
    """Saves a picture; returns its path and digest."""
    picture.save(path, **how)
    return str(path), hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def tall(tmp_path: Path) -> tuple[str, str]:
    """A picture of 64x128: red, with blue at its top and bottom quarter."""
    picture = Image.new("RGB", (64, 128), BLUE)
    picture.paste(RED, (0, 32, 64, 96))
    return saved(tmp_path / "a.png", picture)


@pytest.mark.parametrize(
    ("fit", "middle", "top", "left"),
    [("cover", RED, RED, RED), ("contain", RED, BLUE, BLACK), ("stretch", RED, BLUE, RED)],
)
def test_another_shape_is_cropped_padded_or_stretched(tall, fit, middle, top, left):
    path, sha256 = tall
    frame = given_frames(clip_of(image=path, image_sha256=sha256, fit=fit)).first_NHWC
    assert frame.shape == (1, 32, 64, 3)
    found = [tuple(frame[0, y, x]) for y, x in ((16, 32), (1, 32), (16, 1))]
    assert found == [middle, top, left]


def test_what_an_older_version_recorded_is_left_as_it_is(tall):
    path, sha256 = tall
    assert given_frames(clip_of(image=path, image_sha256=sha256)).first_NHWC.shape == (1, 128, 64, 3)


def test_a_picture_is_turned_as_its_camera_says_before_it_is_fitted(tmp_path: Path):
    turned = Image.new("RGB", (32, 64), RED)
    exif = turned.getexif()
    exif[0x0112] = 6
    path, sha256 = saved(tmp_path / "a.jpg", turned, exif=exif)
    assert given_frames(clip_of(image=path, image_sha256=sha256)).first_NHWC.shape == (1, 32, 64, 3)


def test_every_given_image_has_its_place(tall, tmp_path: Path):
    last, last_sha256 = saved(tmp_path / "b.png", Image.new("RGB", (64, 32), BLUE))
    placed = (PlacedImage(frame=8, image=last, image_sha256=last_sha256),)
    clip = clip_of(last_image=tall[0], last_image_sha256=tall[1], images=placed, fit="cover")
    given = given_frames(clip, np.zeros((5, 32, 64, 3), np.uint8))
    assert len(given.first_NHWC) == 5 and tuple(given.last_HWC[0, 0]) == RED
    (one,) = given.placed
    assert one.first_frame == 8 and (one.frames_NHWC == BLUE).all() and given.source_NHWC is None


def test_a_file_that_has_changed_is_refused_and_a_copy_of_it_is_read(tall, tmp_path: Path):
    path, sha256 = tall
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(path).read_bytes())
    Path(path).write_bytes(b"other")
    with pytest.raises(ModelError, match="has changed since the job was read"):
        given_frames(clip_of(image=path, image_sha256=sha256))
    use_copy(sha256, copy)
    assert given_frames(clip_of(image=path, image_sha256=sha256, fit="cover")).first_NHWC.shape == (1, 32, 64, 3)
