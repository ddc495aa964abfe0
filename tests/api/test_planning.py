from __future__ import annotations

import vgpipe


def test_a_plan_is_a_record_also_of_what_does_not_fit(tiny, workdir):
    clip, overrides = {"width": 32, "height": 32, "num_frames": 5}, [tiny["overrides"][0]]
    plan = vgpipe.plan(prompts=["a", "b"], clip=clip, overrides=overrides, hardware="rtx3060_12gb")
    assert (plan.fits, plan.clips, plan.segments, plan.device, plan.refusal) == (True, 2, 2, "rtx3060_12gb", None)
    assert plan.verdict.startswith("Fits. ") and "TFLOP" in plan.text(verbose=True) and "TFLOP" not in str(plan)
    assert plan.peak_gb > 0 and plan.to_dict()["plans"][0]["clips"] == 2 and "32x32, 5 frames" in str(plan)
    assert plan.workers == 1 and plan.to_dict()["plans"][0]["workers"] is None
    two = vgpipe.plan(
        prompts=["a", "b"], clip=clip, overrides=[*overrides, "executor.workers=2"], hardware="rtx3060_12gb"
    )
    assert two.workers == 2 and "workers      2; " in str(two) and two.seconds[1] < plan.seconds[1]
    drafts = vgpipe.plan(prompts=["a", "b"], clip=clip, overrides=overrides, hardware="rtx3060_12gb", draft="40%")
    assert drafts.seconds[1] < plan.seconds[1] and drafts.continue_seconds[1] > 0 and plan.continue_seconds is None
    small = vgpipe.plan(clip=clip, overrides=[*overrides, "hardware.memory_gb=0.001"], hardware="rtx3060_12gb")
    assert (
        small.verdict.startswith("Does not fit: ")
        and not small.fits
        and "does not fit" in str(small.refusal)
        and small.peak_gb is None
    )
    assert "<pre>" in plan._repr_html_() and not (workdir / "outputs").exists()
