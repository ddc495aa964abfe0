"""Step caches: where they act, that nothing stays of them, and that a stopped clip goes on to the same bits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers.hooks import HookRegistry, ModelHook

from tests.models.caches.clip_runs import CACHES, ClipRun, with_cache
from tests.models.driven import Case
from tests.planner.estimate.test_step_cache import USES
from tests.planner.profiles import CLIP
from vgpipe.planner.estimate.step_cache import computed_share
from vgpipe.vocabulary import FIRSTBLOCK, MAGCACHE, SEACACHE, TAYLORSEER

CASE = Case("blue square moving left", "red", 7, 3.0, width=32, height=32, num_inference_steps=6)
SPEC = replace(CLIP, num_inference_steps=CASE.num_inference_steps)
RESUMED = [
    *(("wan", name) for name in CACHES),
    ("wan-experts", SEACACHE),
    ("cogvideox-5b", FIRSTBLOCK),
    ("hunyuan", MAGCACHE),
    ("vace", TAYLORSEER),
]


@pytest.mark.parametrize(("setup", "name"), RESUMED)
def test_it_acts_and_a_clip_that_was_stopped_at_any_step_goes_on_to_the_same_bits(opened, tmp_path, setup, name):
    plain, _ = opened(setup).latents(CASE)
    driven = with_cache(opened(setup), CACHES[name])
    whole = ClipRun(driven, CASE, tmp_path / "whole")
    latents = whole.latents()
    assert whole.skipped >= 0.2 and not torch.equal(latents, plain)
    if name in (MAGCACHE, TAYLORSEER):  # which the plan forecasts
        assert whole.skipped == pytest.approx(1 - computed_share(CACHES[name], SPEC, USES)[0], abs=1e-3)
    for step in range(1, CASE.num_inference_steps):
        run = ClipRun(driven, CASE, tmp_path / str(step))
        assert run.until(step) is None
        assert torch.equal(run.latents(), latents), f"stopped at step {step}"
    draft = ClipRun(driven, CASE, tmp_path / "draft")
    assert not torch.equal(draft.draft(3).latents, latents)
    assert torch.equal(draft.latents(), latents)


@pytest.mark.parametrize("name", CACHES)
def test_a_call_that_raised_and_another_size_leave_nothing_behind(opened, tmp_path, name):
    driven = with_cache(opened("wan"), CACHES[name])
    plain, _ = opened("wan").latents(CASE)
    before, _ = driven.latents(CASE)
    attributes = {path: set(vars(part)) for path, part in driven.components["transformer"].named_modules()}
    ClipRun(driven, CASE, tmp_path).until(4)  # ends by raising
    driven.latents(replace(CASE, width=48, num_frames=13))
    assert torch.equal(driven.latents(CASE)[0], before)
    assert torch.equal(opened("wan").latents(CASE)[0], plain)
    assert attributes == {path: set(vars(part)) for path, part in driven.components["transformer"].named_modules()}


@pytest.mark.parametrize("name", CACHES)
def test_each_window_of_a_long_clip_has_a_state_of_its_own(opened, tmp_path, name):
    long = replace(CASE, num_frames=33, window=(13, 4), shots=((17, "red circle"),))
    driven = with_cache(opened("wan"), CACHES[name])
    run = ClipRun(driven, long, tmp_path / "whole")
    latents = run.latents()
    assert run.skipped >= 0.2
    stopped = ClipRun(driven, long, tmp_path / "stopped")
    stopped.until(4)
    assert torch.equal(stopped.latents(), latents)


@pytest.mark.parametrize("name", CACHES)
def test_hooks_of_offloading_that_leave_after_the_first_step_take_nothing_along(opened, name):
    driven = with_cache(opened("wan"), CACHES[name])
    latents, _ = driven.latents(CASE)
    module = driven.components["transformer"]
    blocks = [HookRegistry.check_if_exists_or_initialize(block) for block in module.blocks]
    root = HookRegistry.check_if_exists_or_initialize(module)

    class Learning(ModelHook):
        def post_forward(self, _module, output):
            for registry in (*blocks, root):
                registry.remove_hook("learns", recurse=False)
            return output

    for registry in blocks:
        registry.register_hook(ModelHook(), "learns")
    root.register_hook(Learning(), "learns")
    again, _ = driven.latents(CASE)
    assert torch.equal(again, latents) and not any(registry.hooks for registry in (*blocks, root))
