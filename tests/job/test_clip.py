"""The record of one clip."""

import dataclasses
import subprocess
import sys

from tests.job.given_clips import at, clip_of
from vgpipe.job.clip import Clip
from vgpipe.job.declared import OF_CLIP


def test_settings_are_the_fields_a_user_sets() -> None:
    others = {"id", "model", "image_sha256", "shots", "continuation", "prompt_template", "name", "contest"}
    others |= {"last_image_sha256", "images", "video_sha256", "video_num_frames", "audio_sha256"}
    assert {field.name for field in dataclasses.fields(Clip)} - set(OF_CLIP) == others


def test_the_doors_import_neither_pydantic_nor_yaml() -> None:
    code = (
        "import sys, vgpipe.job.clip, vgpipe.job.rules, vgpipe.job.naming\n"
        "import vgpipe.job.reading.parse, vgpipe.job.resolving.expand\n"
        "print(sorted({'pydantic', 'yaml', 'torch', 'hydra', 'omegaconf', 'diffusers'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_reading_and_expanding_imports_no_heavy_library(tmp_path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("prompts: [{prompt: x, width: 64, height: 64, fps: 8, num_frames: 5, "
                    "num_inference_steps: 2, guidance_scale: 1}]")  # fmt: skip
    code = (
        "import sys, pathlib; from vgpipe.job.reading.parse import read_job\n"
        "from vgpipe.job.resolving.expand import expand\n"
        "from vgpipe.job.rules import ShapeRules\n"
        f"job = read_job(pathlib.Path({str(path)!r}))\n"
        "expand(job, overrides={}, preset={}, reference={}, rules=ShapeRules(), model='m')\n"
        "print(sorted({'torch', 'hydra', 'omegaconf', 'diffusers', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_every_given_file_is_listed_with_its_setting_and_digest() -> None:
    clip = clip_of(image="/a.png", image_sha256="a" * 64, video="/v.mp4", video_sha256="b" * 64, images=(at(3),))
    found = [(one.setting, one.path, one.sha256) for one in clip.given_files]
    assert found == [("image", "/a.png", "a" * 64), ("video", "/v.mp4", "b" * 64), ("images", "/3.png", f"{3:064x}")]
    assert clip.is_given_frames and not clip_of().is_given_frames and clip_of().given_files == ()
