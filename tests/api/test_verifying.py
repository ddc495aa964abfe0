"""Verdicts for programs; what they say is tested with the command: tests/commands/test_verify.py."""

from __future__ import annotations

import pytest

import vgpipe
from vgpipe.errors import ConfigError


def test_the_files_of_a_run_are_the_same_also_when_they_are_rendered_again(made, capfd):
    by_recipe = vgpipe.verify(made.root)
    assert [(one.path.stem, one.answer.value) for one in by_recipe] == [(clip.id, "same") for clip in made.clips]
    (rendered,) = vgpipe.verify(made.clips[0].files["mp4"], render=True)
    assert rendered.answer.value == "same" and rendered.is_rendered and "bit-identical" in rendered.reasons[0]
    assert capfd.readouterr() == ("", "")


def test_what_would_change_the_clip_is_refused(made):
    with pytest.raises(ConfigError, match="would change the clip"):
        vgpipe.verify(made.root, overrides=["clip.seed=4"])


def test_a_cancelled_call_returns_what_it_has(made):
    token = vgpipe.CancelToken()
    token.cancel()
    assert vgpipe.verify([made.root, made.root], cancel=token) == ()
