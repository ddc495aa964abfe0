"""Any diffusers scheduler resumes in the middle of its schedule with bit-identical output."""

from __future__ import annotations

import copy
import inspect

import diffusers
import pytest
import torch

from vgpipe.models.resumable import ALL_STEPS, ResumableScheduler, scheduler_state

FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
SCHEDULERS = [
    ("UniPCMultistepScheduler", FLOW),
    ("UniPCMultistepScheduler", {"solver_order": 3}),
    ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
    ("DPMSolverMultistepScheduler", {}),
    ("DDIMScheduler", {"timestep_spacing": "trailing"}),
    ("EulerDiscreteScheduler", {}),
    ("PNDMScheduler", {"skip_prk_steps": True}),
]


def stepped(scheduler, sample, stop=None):
    """The loop of a stock pipeline, with a made-up model; stops after `stop` of its own steps."""
    scheduler.set_timesteps(8)
    for index, timestep in enumerate(scheduler.timesteps):
        if index == stop:
            break
        noise_pred = torch.sin(sample * 1.3 + float(timestep) * 0.01)
        sample = scheduler.step(noise_pred, timestep, sample, return_dict=False)[0]
    return sample


@pytest.mark.parametrize(("name", "options"), SCHEDULERS)
@pytest.mark.parametrize("done", [1, 4, 7])
def test_resumed_schedule_gives_the_same_bits(name, options, done):
    noise = torch.randn(1, 4, 2, 4, 4, generator=torch.Generator().manual_seed(3))
    whole = stepped(getattr(diffusers, name)(**options), noise)
    first = getattr(diffusers, name)(**options)
    middle = stepped(first, noise, stop=done)
    resumed = ResumableScheduler(getattr(diffusers, name)(**options), done_steps=done, state=scheduler_state(first))
    assert torch.equal(stepped(resumed, middle), whole)


def test_nothing_remains_when_all_steps_are_done():
    scheduler = ResumableScheduler(diffusers.UniPCMultistepScheduler(**FLOW), done_steps=ALL_STEPS)
    scheduler.set_timesteps(1)
    assert len(scheduler.timesteps) == 0 and scheduler.init_noise_sigma == 1.0


def test_signature_of_set_timesteps_is_the_schedulers_own():
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    wrapped = ResumableScheduler(scheduler)
    assert inspect.signature(wrapped.set_timesteps) == inspect.signature(scheduler.set_timesteps)


def test_a_scheduler_with_unsavable_state_is_refused():
    scheduler = diffusers.UniPCMultistepScheduler(**FLOW)
    scheduler.helper = object()
    with pytest.raises(TypeError, match="helper"):
        scheduler_state(scheduler)


def test_a_second_scheduler_of_a_loop_is_saved_with_the_first():
    def both(scheduler, samples, stop=None):
        """The loop of blocks that denoise video and sound, each by a schedule of its own."""
        sound = scheduler.beside(diffusers.MiniMaxH3Scheduler(shift=3.0))
        for one in (scheduler, sound):
            one.set_timesteps(6)
        for timesteps in list(zip(scheduler.timesteps, sound.timesteps, strict=True))[:stop]:
            samples = [
                one.step(torch.sin(sample + float(timestep)), timestep, sample, return_dict=False)[0]
                for one, timestep, sample in zip((scheduler, sound), timesteps, samples, strict=True)
            ]
        return samples

    def fresh(**resumed):
        return ResumableScheduler(diffusers.MiniMaxH3Scheduler(shift=12.0), **resumed)

    noise = [torch.ones(4, 3), torch.ones(5, 2)]
    whole, first = both(fresh(), noise), fresh()
    middle = both(first, noise, stop=2)
    resumed = both(fresh(done_steps=2, state=scheduler_state(first.wrapped)), middle)
    assert all(torch.equal(one, other) for one, other in zip(resumed, whole, strict=True))
    assert not torch.equal(whole[0][0, :2], whole[1][0])


def test_a_deep_copy_steps_on_its_own_and_is_saved_with_the_original():
    def both(scheduler, samples, stop=None):
        """The loop of a pipeline that denoises video and sound."""
        other = copy.deepcopy(scheduler)
        for one in (other, scheduler):
            one.set_timesteps(8)
        for index, timestep in enumerate(scheduler.timesteps):
            if index == stop:
                break
            samples = [
                one.step(torch.sin(sample + float(timestep)), timestep, sample, return_dict=False)[0]
                for one, sample in zip((scheduler, other), samples, strict=True)
            ]
        return samples

    generator = torch.Generator().manual_seed(3)
    noise = [torch.randn(1, 4, 3, generator=generator), torch.randn(1, 5, 2, generator=generator)]
    whole = both(diffusers.UniPCMultistepScheduler(**FLOW), noise)
    first = diffusers.UniPCMultistepScheduler(**FLOW)
    middle = both(ResumableScheduler(first), noise, stop=4)
    state = scheduler_state(first)
    resumed = ResumableScheduler(diffusers.UniPCMultistepScheduler(**FLOW), done_steps=4, state=state)
    assert all(torch.equal(one, other) for one, other in zip(both(resumed, middle), whole, strict=True))
    assert sum("timesteps" in name for name in scheduler_state(resumed.wrapped)) == 2
