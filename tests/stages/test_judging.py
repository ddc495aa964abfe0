"""Scores of previews in the store."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tests.models.driven import Case, drive
from tests.stages.drafting import Drafting, preview_key
from vgpipe.quality.judges.adherence import ADHERENCE
from vgpipe.quality.judges.clip import CLIP
from vgpipe.stages import decode, denoise, judging
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

CASE = Case("blue square moving left", "red", 7, 3.0, width=32, height=32, num_frames=9, num_inference_steps=5)


@pytest.fixture(scope="module")
def drafting(tmp_path_factory: pytest.TempPathFactory) -> Drafting:
    folder = tmp_path_factory.mktemp("judging")
    made = Drafting(folder / "store", drive("wan", tiny.build("wan22_ti2v_5b", folder / "model")), CASE)
    made.draft(2)
    return made


def adherence_of(drafting: Drafting, text: str) -> judging.Artifact:
    family = drafting.driven.family
    key = judging.score_key(ADHERENCE, preview_key(2), text=text)
    artifact = judging.by_adherence(
        drafting.store,
        key,
        drafting.clip,
        denoise.read(drafting.preview(2)),
        family=family,
        components=drafting.driven.of(family.denoise_components(from_image=False)),
        embeds=family.encode(drafting.driven.of(family.encode_components), text),
        without=drafting.negative,
    )
    assert artifact is not None
    return artifact


def test_a_preview_is_scored_by_how_far_its_prompt_pulls_it(drafting):
    artifact = adherence_of(drafting, CASE.prompt)
    pulls = artifact.info["pulls"]
    score = judging.score_of(ADHERENCE, Store(drafting.root).find(artifact.key))
    assert score is not None and score.judge == "adherence"
    assert score.number == pytest.approx(-sum(map(math.log, pulls)) / len(pulls), abs=1e-4)
    assert drafting.checkpoint == 2, "judging leaves what the clip continues from"


def test_a_prompt_that_is_no_other_than_the_negative_one_pulls_nothing(drafting):
    assert adherence_of(drafting, CASE.negative_prompt).info["pulls"] == [0.0]


def test_a_score_is_named_by_the_judge_its_version_and_what_it_saw():
    preview, other = Key("preview", {"a": 1}), Key("preview", {"a": 2})
    known = judging.score_key(ADHERENCE, preview)
    assert judging.score_key(ADHERENCE, preview) == known
    assert (
        len({judging.score_key(*one).digest for one in ((ADHERENCE, preview), (ADHERENCE, other), (CLIP, preview))})
        == 3
    )


def test_a_preview_without_a_score_has_none():
    assert judging.score_of(ADHERENCE, None) is None


class Likes:
    """Stands for a CLIP model that likes bright frames."""

    def __init__(self) -> None:
        self.seen = 0

    def similarities(self, frames_NHWC: np.ndarray, text: str) -> list[float]:
        self.seen = len(frames_NHWC)
        return [float(frame.mean()) / 255 for frame in frames_NHWC]


def test_a_clip_model_sees_a_few_frames_of_the_whole_clip(tmp_path: Path):
    from vgpipe.stages import arrays

    store, key = Store(tmp_path), Key("decode", {"a": 1})
    frames = np.zeros((21, 4, 4, 3), np.uint8)
    frames[-1] = 255
    with store.create(key) as writer:
        arrays.save(writer.path(decode.FILE), frames)
    model = Likes()
    artifact = judging.by_clip_model(store, Key("score", {"b": 1}), decode.StoredFrames(store.find(key)), "red", model)
    assert model.seen == judging.LOOKED_AT
    score = judging.score_of(CLIP, artifact)
    assert score is not None and score.number == pytest.approx(1 / judging.LOOKED_AT, abs=1e-6)
