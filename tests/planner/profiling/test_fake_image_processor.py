"""What replaces an image processor gives pixels of the size of the real one's."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.tiny.wan_i2v import clip_image_processor
from vgpipe.planner.profiling.fake_image_processor import FakeImageProcessor


def of_siglip():
    from transformers import SiglipImageProcessor

    return SiglipImageProcessor(size={"height": 56, "width": 42})


@pytest.mark.parametrize("real", [clip_image_processor, of_siglip])
@pytest.mark.parametrize("images", [Image.new("RGB", (64, 32)), [Image.new("RGB", (64, 32))] * 2])
def test_pixels_have_the_shape_of_the_real_ones(real, images):
    one = real()
    expected = one(images=images, return_tensors="pt")["pixel_values"]
    for fake in (FakeImageProcessor(one.to_dict()), FakeImageProcessor({"image_processor": one.to_dict()})):
        for call in (fake, fake.preprocess):
            pixels = call(images=images, return_tensors="pt").to("cpu")["pixel_values"]
            assert pixels.shape == expected.shape and pixels.dtype == expected.dtype
