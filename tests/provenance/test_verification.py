"""Whether a file is reproducible here, judged by its recipe alone."""

from __future__ import annotations

import copy

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
    image.write_bytes(b"another dog")
    other = Verifier(NO_OVERRIDES).verdict(path)
    assert other.answer is Answer.UNVERIFIABLE and "has changed" in other.reasons[0]
