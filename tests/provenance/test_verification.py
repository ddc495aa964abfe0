"""Whether a file is reproducible here, judged by its recipe alone."""

from __future__ import annotations

import copy
import os

import pytest
from PIL import Image

from tests.provenance.recipes import RECIPE
from vgpipe.provenance.replay import replay_overrides
from vgpipe.provenance.verification import Answer, Verifier

NO_OVERRIDES = replay_overrides()


def test_an_image_that_is_gone_or_another_cannot_be_verified(file_of, tmp_path):
    recipe = copy.deepcopy(RECIPE)
    image = tmp_path / "dog.png"
    recipe["clip"].update(image=str(image), image_sha256="0" * 64)
    path = file_of(recipe)
    gone = Verifier(NO_OVERRIDES).verdict(path)
    assert gone.answer is Answer.UNVERIFIABLE and "is missing -> clip.image=PATH" in gone.reasons[0]
    Image.new("RGB", (8, 8)).save(image)
    other = Verifier(NO_OVERRIDES).verdict(path)
    assert other.answer is Answer.UNVERIFIABLE and "has changed" in other.reasons[0]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_what_is_no_image_is_not_read(file_of, tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bomb.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n")
    for image in (
        "/dev/zero",
        "/proc/self/environ",
        "~nosuchuser/x.png",
        tmp_path / "pipe",
        tmp_path,
        *tmp_path.glob("bomb.*"),
    ):
        recipe = copy.deepcopy(RECIPE)
        recipe["clip"].update(image=str(image), image_sha256="0" * 64)
        verdict = Verifier(NO_OVERRIDES).verdict(file_of(recipe))
        assert verdict.answer is Answer.UNVERIFIABLE and verdict.reasons[0].startswith("its image ")


def test_a_checkpoint_that_makes_a_library_stumble_is_one_verdict(file_of, monkeypatch):
    monkeypatch.setattr("vgpipe.provenance.verification.key_maker", lambda *_, **_options: {}["no such thing"])
    verdict = Verifier(NO_OVERRIDES).verdict(file_of(RECIPE))
    assert verdict.answer is Answer.UNVERIFIABLE and verdict.reasons == ("KeyError: 'no such thing'",)
