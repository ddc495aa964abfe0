"""Store keys of the embedded model stay as earlier versions of vgpipe made them, so that old stores are still used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vgpipe.exporters import recipe, watermark
from vgpipe.job.clip import Clip, Continuation, ContinuationMethod
from vgpipe.job.segments import segments_of
from vgpipe.models.base import Settings
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.registry import family
from vgpipe.models.windows import blend
from vgpipe.stages import seams
from vgpipe.stages.keys import ClipKeys, KeyMaker

SHORT = Clip(
    id="a-1", prompt="a small red circle", negative_prompt="", seed=1, width=32, height=32, num_frames=5, fps=8.0,
    num_inference_steps=4, guidance_scale=3.0, model="shapes",
)  # fmt: skip


def long_clip(method: ContinuationMethod) -> Clip:
    continuation = Continuation(
        method=method, segment_num_frames=17, min_segment_num_frames=5, overlap_num_frames=5, frames_step=4,
        frames_offset=1, num_inference_steps=3, match_color=True,
    )  # fmt: skip
    return replace(SHORT, num_frames=29, continuation=continuation)


CLIPS = {"window": long_clip("window"), "image": long_clip("image")}
FAMILIES = {"generic": "generic", "generic_whole": "generic_whole"}
SETTINGS = {"tiled_fp8": {"vae_tiling": True, "vae_tile_size": 64, "quantization": {"transformer": "fp8"}}}
MARKS = {"marked": {"watermark": "PLACEHOLDER", "carries_recipe": True}}
# For each segment the first digits of: prompt, negative prompt, latents, frames, tail (if any), export.
KNOWN = {
    "short": ("5a543f519a4d dada784142bc 9cc9f2a7063e 0a7ebc9dc78e - d608dab8ac54",),
    "window": (
        "5a543f519a4d dada784142bc 7ddcc3f627e2 c4811098052a - 041c2592f3c7",
        "5a543f519a4d dada784142bc 7ddcc3f627e2 78a55d0cd5e4 - 041c2592f3c7",
    ),
    "image": (
        "5a543f519a4d dada784142bc 859e6f589dfb ea1839d204da 2468cffc1e05 b8be2b467b48",
        "5a543f519a4d dada784142bc 1c7aaeb01767 c29bab26e647 - b8be2b467b48",
    ),
    "marked": ("5a543f519a4d dada784142bc 9cc9f2a7063e 0a7ebc9dc78e - 831f6acfe1f7",),
    "tiled_fp8": ("5a543f519a4d dada784142bc fff206f61670 e598b519d18e - de6b1c5c317b",),
    "generic": ("16a43b60869b 418924e73b38 f5eef6716f70 b4ef9d0d0be1 - 37cf2f5957cb",),
    "generic_whole": ("1e6e9ab4215f a514a708b192 02c6e51610fb dcff2ed55025 - 04e393ff0cae",),
}


def keys_of(case: str) -> tuple[ClipKeys, ...]:
    settings = Settings(max_sequence_length=64, **SETTINGS.get(case, {}))
    driver = family(FAMILIES.get(case, "wan"), open_checkpoint(Origin("embedded:shapes")), settings)
    clip = CLIPS.get(case, SHORT)
    segments = segments_of(clip)
    maker = KeyMaker(driver, **MARKS.get(case, {}))
    return maker.segment_keys(segments, clip.fps, [{"name": "mp4", "crf": 16}], [{}] * len(segments))


def digits(keys: ClipKeys) -> str:
    named = (keys.prompt, keys.negative, keys.latents, keys.frames, keys.tail, *keys.exports)
    return " ".join(key.digest[:12] if key else "-" for key in named)


@pytest.mark.parametrize("case", KNOWN)
def test_keys_are_those_of_earlier_versions(case):
    assert tuple(map(digits, keys_of(case))) == KNOWN[case]


@pytest.mark.parametrize(
    ("module", "case", "first_changed"),
    [(blend, "window", 2), (seams, "image", 3), (watermark, "marked", 5), (recipe, "marked", 5)],
)
def test_a_raised_version_changes_the_keys_of_what_it_covers(monkeypatch, module, case, first_changed):
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    old, new = KNOWN[case][-1].split(), digits(keys_of(case)[-1]).split()
    changed = [before != after for before, after in zip(old, new, strict=True)]
    assert changed.index(True) == first_changed and changed[-1]
