"""A draft leaves a preview and a checkpoint, and what is continued has the bits of a clip never drafted."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models.conftest import built, opened  # noqa: F401 (fixtures)
from tests.models.long_clips import SETUPS
from tests.stages.drafting import LATENTS, Drafting, preview_key
from vgpipe.errors import ModelError, PrecisionError, Stopped
from vgpipe.stages import checkpoints, denoise
from vgpipe.stages.draft_run import DraftRun
from vgpipe.store.artifacts import Store

STEPS = 4
LAYOUTS = ["wan", "ltx-image", "ltx-condition-frames", "hunyuan-1.5", "ms", "animatediff"]
"""A callback, packed beside a frame that no step changes, a noise level for each token, no callback, an old one."""


@pytest.fixture
def drafting(tmp_path, opened):  # noqa: F811
    def one(name="wan", folder="store", **options):
        case = replace(SETUPS[name].case, window=None, num_frames=9 if name == "wan" else SETUPS[name].case.window[0])
        case = replace(case, num_inference_steps=STEPS)
        return Drafting(tmp_path / folder, opened(name), case, **options)

    return one


class Killed(BaseException):
    """In place of a kill: nothing of the package catches it."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_continued_clip_has_the_bits_of_one_never_drafted(drafting, name):
    whole = drafting(name, "whole").run()
    clip = drafting(name)
    shown = clip.draft(2)
    assert clip.seen == [1, 2] and clip.checkpoint == 2 and clip.is_drafted(2)
    assert shown.shape == whole.shape and shown.dtype == whole.dtype and not torch.equal(shown, whole)
    assert torch.equal(clip.run(), whole) and clip.seen[0] == 3
    assert clip.checkpoint == 0


@pytest.mark.parametrize("name", LAYOUTS[:4])
def test_at_the_last_step_the_preview_is_the_finished_clip(drafting, name):
    whole = drafting(name, "whole").run()
    clip = drafting(name)
    torch.testing.assert_close(clip.draft(STEPS), whole, atol=1e-4, rtol=1e-4)
    assert torch.equal(clip.run(), whole)


def test_in_windows_all_of_the_trajectory_is_drafted(tmp_path, opened):  # noqa: F811
    case = SETUPS["wan"].case
    whole = Drafting(tmp_path / "whole", opened("wan"), case).run()
    clip = Drafting(tmp_path / "store", opened("wan"), case)
    assert clip.draft(1).shape == whole.shape
    assert torch.equal(clip.run(), whole)


def test_a_later_draft_continues_from_an_earlier_one(drafting):
    straight = drafting(folder="straight").draft(3)
    clip = drafting()
    clip.draft(1)
    assert torch.equal(clip.draft(3), straight) and clip.seen == [2, 3]
    assert clip.checkpoint == 3 and clip.is_drafted(3) and clip.is_drafted(1)


def test_an_earlier_draft_leaves_a_later_checkpoint_alone(drafting):
    early = drafting(folder="early").draft(1)
    clip = drafting(every=1)
    clip.draft(3)
    assert torch.equal(clip.draft(1), early) and clip.seen == [1]
    assert clip.checkpoint == 3 and clip.is_drafted(1) and clip.is_drafted(3)


def test_what_is_drafted_is_not_made_again(drafting):
    clip = drafting()
    shown = clip.draft(2)
    clip.seen.clear()
    assert torch.equal(clip.draft(2), shown) and clip.seen == []


@pytest.mark.parametrize("where", ["before the preview", "before the checkpoint"])
def test_a_kill_between_preview_and_checkpoint_leaves_no_draft(drafting, monkeypatch, where):
    undisturbed = drafting(folder="undisturbed").draft(3)
    whole = drafting(folder="whole").run()
    clip = drafting(every=1)

    def killed(*_args):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(
            *((denoise, "_write") if where == "before the preview" else (DraftRun, "write_checkpoint")), killed
        )
        clip.draft(3)
    kept = clip.checkpoint
    assert kept in (1, 2) and not clip.is_drafted(3)  # how often one is written depends on how long that takes
    assert (clip.preview(3) is not None) == (where == "before the checkpoint")
    again = drafting()
    assert torch.equal(again.draft(3), undisturbed) and again.seen[0] == kept + 1 and again.is_drafted(3)
    assert torch.equal(again.run(), whole)


def test_a_lost_preview_is_made_again_from_noise(drafting):
    clip = drafting()
    shown = clip.draft(2)
    whole = drafting(folder="whole").run()
    Store(clip.root).discard(preview_key(2))
    again = drafting()
    assert not again.is_drafted(2)
    assert torch.equal(again.draft(2), shown) and again.checkpoint == 2
    assert torch.equal(again.run(), whole)


def test_a_lost_checkpoint_is_made_again(drafting):
    clip = drafting()
    shown = clip.draft(2)
    checkpoints.remove(clip.store, LATENTS)
    assert not clip.is_drafted(2)
    assert torch.equal(clip.draft(2), shown) and clip.is_drafted(2)


def test_a_stop_in_the_middle_leaves_a_checkpoint_and_one_at_its_end_is_none(drafting):
    stopped = drafting(stops=lambda: True)
    with pytest.raises(Stopped):
        stopped.draft(2)
    assert stopped.checkpoint == 1 and not stopped.is_drafted(2)
    stopped.draft(2)
    assert stopped.seen == [2] and stopped.is_drafted(2)


def test_predicted_latents_that_are_no_numbers_fail_and_leave_no_checkpoint(drafting, monkeypatch):
    clip = drafting(every=1)
    nothing = lambda _self, sample, _latents: sample * float("nan")  # noqa: E731
    monkeypatch.setattr(type(clip.driven.family), "loop_latents", nothing)
    with pytest.raises(PrecisionError, match="predicted latents are not finite"):
        clip.draft(2)
    assert clip.checkpoint == 0 and clip.preview(2) is None


def test_what_cannot_be_drafted_is_refused_before_the_first_step(drafting, monkeypatch):
    clip = drafting()
    monkeypatch.setattr(type(clip.driven.family), "scheduler_name", "EDMEulerScheduler")
    with pytest.raises(ModelError, match="EDMEulerScheduler predicts is unknown"):
        clip.draft(2)
    assert clip.seen == []
