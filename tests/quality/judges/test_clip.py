"""The score of a CLIP model."""

from __future__ import annotations

from vgpipe.quality.judges.clip import score


def test_the_score_is_the_mean_similarity_of_frames():
    assert score([0.2, 0.3, 0.4]) == 0.3


def test_there_is_no_score_without_frames():
    assert score([]) is None
