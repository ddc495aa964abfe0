"""Which drafts a program picks."""

from __future__ import annotations

import pytest

import vgpipe
from vgpipe.api.picks import picks_of
from vgpipe.errors import UsageError
from vgpipe.runs.continuing import Choice


def test_all_the_best_or_clips_by_any_name():
    clip = vgpipe.ClipResult(id="a-01234567", state="drafted")
    assert picks_of("all") == Choice() and picks_of("best:10") == Choice(best=10)
    assert picks_of([clip, "p0123abcd"]) == Choice(names=("a-01234567", "p0123abcd"))


@pytest.mark.parametrize("picks", ["", "a-01234567", "best:0", "best:-1", [], [""], [3], [None]])
def test_anything_else_is_refused_with_what_is_allowed(picks):
    with pytest.raises(UsageError, match="-> picks="):
        picks_of(picks)


def test_a_program_drafts_looks_and_continues_one(tiny, workdir):
    drafted = vgpipe.run(prompts=[{"prompt": "a circle", "takes": 2}], draft=2, **tiny)
    assert drafted.ok and drafted.summary == "2 drafted" and drafted.drafts == drafted.clips
    assert drafted.clips[0].files["mp4"].parent.name == "previews" and drafted.clips[0].draft_steps == 2
    run = vgpipe.continue_run(drafted.root, drafted.drafts[:1], show_progress=False)
    assert run.ok and run.summary == "1 done, 1 drafted"
    assert run.clips[0].files["mp4"].parent.name == "videos" and run.drafts == drafted.drafts[1:]
    with pytest.raises(UsageError, match="new render"):
        vgpipe.continue_run(drafted.root, overrides=["clip.num_inference_steps=9"])
