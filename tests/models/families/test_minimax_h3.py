"""MiniMax-H3: vgpipe's latents, frames and sound are those of the modular pipeline's own call, bit for bit."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.driven import Case, Driven, assert_resumes, drive
from tests.stages.drafting import Drafting
from tests.tiny import build
from vgpipe.errors import LoadError, ModelError, Stopped
from vgpipe.models.base import Settings
from vgpipe.models.families.minimax_h3 import LOGGER

CASE = Case("a small red circle", "", 7, 1.0, 96, 64, num_frames=124, fps=24, num_inference_steps=4)
STEPS = CASE.num_inference_steps - 1  # the last is the end itself


class TextsAlone:
    """The processor of texts and images needs torchvision; of a text it says that it holds no image."""

    def create_mm_token_type_ids(self, ids: list[list[int]]) -> list[list[int]]:
        return [[0 for _ in one] for one in ids]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("minimax_h3", tmp_path_factory.mktemp("minimax_h3"))


@pytest.fixture(scope="module")
def driven(folder) -> Driven:
    return drive("minimax_h3", folder)


def stock(driven: Driven, case: Case) -> Any:
    """Runs the whole workflow of the modular pipeline on the same components."""
    from diffusers import MiniMaxH3Blocks

    one = driven.family
    pipeline = MiniMaxH3Blocks().get_workflow("t2va").init_pipeline()
    parts = driven.of((*one.encode_components, *one.denoise_components(from_image=False), *one.decode_components))
    pipeline.update_components(**parts, scheduler=one.scheduler(), audio_scheduler=one.sound_scheduler())
    pipeline.processor = TextsAlone()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt=case.prompt, height=case.height, width=case.width, num_frames=case.num_frames, output_type="np",
        num_inference_steps=case.num_inference_steps, generator=torch.Generator().manual_seed(case.seed),
    )  # fmt: skip


def test_latents_frames_and_samples_equal_the_modular_pipelines(driven):
    expected = stock(driven, CASE)
    latents, request = driven.latents(CASE)
    tokens = driven.family.sound_tokens(request)
    video, sound = driven.family.layout.split(latents, sound_tokens=tokens)
    video_BCTHW = video.view(37, 2, 3, 4, 2, 2).permute(3, 0, 1, 4, 2, 5).reshape(1, 4, 37, 4, 6)
    assert torch.equal(video_BCTHW, expected.get("latents"))
    assert torch.equal(sound.view(2, 207, 8).transpose(1, 2), expected.get("audio_latents"))
    made = driven.decoded(request)
    assert made.frames_THWC.shape == (124, 64, 96, 3) and made.frames_THWC.std(axis=0).mean() > 1
    assert np.array_equal(made.frames_THWC, (expected.get("videos")[0] * 255).round().astype("uint8"))
    assert made.sound.samples_SC.shape == (41_400, 2) and made.sound.samples_SC.std() > 0.01
    assert np.array_equal(made.sound.samples_SC, expected.get("audio")[0].numpy().T)
    assert made.sound.sample_rate_hz == expected.get("sampling_rate") == 8000


def test_it_resumes_after_each_step(driven):
    assert_resumes(driven, CASE, [1, 2, STEPS])


def test_a_stop_leaves_no_traceback_in_the_log(driven, tmp_path, caplog, request):
    log = logging.getLogger(LOGGER)
    log.addHandler(caplog.handler)
    request.addfinalizer(lambda: log.removeHandler(caplog.handler))
    clip = Drafting(tmp_path, driven, CASE, every=1, stops=lambda: True)
    with pytest.raises(Stopped):
        clip.run()
    assert clip.checkpoint == 1 and "Traceback" not in caplog.text
    clip.stops = lambda: False
    assert torch.equal(clip.run(), driven.latents(CASE)[0])


def test_a_draft_shows_both_streams_and_is_continued(driven, tmp_path):
    whole = Drafting(tmp_path / "whole", driven, CASE).run()
    clip = Drafting(tmp_path / "store", driven, CASE)
    shown = clip.draft(2)
    assert shown.shape == whole.shape
    for moved in (slice(None, 96), slice(-96, None)):  # of the video, of the sound
        assert not torch.equal(shown[:, moved], whole[:, moved])
    assert torch.equal(clip.run(), whole)
    last = Drafting(tmp_path / "last", driven, CASE).draft(STEPS)
    torch.testing.assert_close(last, whole, atol=1e-4, rtol=1e-4)


def test_what_it_needs_and_what_changes_nothing(driven, folder, tmp_path):
    one = driven.family
    assert not one.uses_negative_prompt(7.0) and "takes no negative prompt" in str(one.negative_prompt_obstacle(7.0))
    assert one.steps_obstacle(2) is None and "clip.num_inference_steps=2" in str(one.steps_obstacle(1))
    assert one.denoise_identity(from_image=False)["audio_scheduler"]["shift"] == 3.0
    assert "processor" not in one.components()
    lacking = shutil.copytree(folder, tmp_path / "lacking")
    shutil.rmtree(lacking / "audio_scheduler")
    with pytest.raises((ModelError, LoadError), match="audio_scheduler"):
        drive("minimax_h3", lacking, Settings())
