"""A name that is no scheduler is refused with those that fit the model, and nothing is imported for it."""

from __future__ import annotations

import pytest

from vgpipe.errors import ConfigError
from vgpipe.models.pipeline.scheduler_classes import fitting, refuse_unknown

FLOW = {"use_flow_sigmas": True}


@pytest.mark.parametrize(
    "name", ["AutoencoderKL", "WanPipeline", "SchedulerMixin", "Nonsense", "UniPCMultistepScheduler "]
)
def test_what_is_no_scheduler_is_refused_with_the_list(name):
    with pytest.raises(ConfigError, match=rf"model\.scheduler\.name: '{name}' is no scheduler .*-> one of: DEISM"):
        refuse_unknown(name, "UniPCMultistepScheduler", FLOW)


@pytest.mark.parametrize(
    ("own", "config", "is_there", "is_absent"),
    [
        ("UniPCMultistepScheduler", FLOW, "FlowMatchEulerDiscreteScheduler", "PNDMScheduler"),
        ("FlowMatchEulerDiscreteScheduler", {}, "UniPCMultistepScheduler", "CogVideoXDDIMScheduler"),
        ("PNDMScheduler", {}, "DDIMScheduler", "FlowMatchEulerDiscreteScheduler"),
        ("CogVideoXDDIMScheduler", {}, "CogVideoXDPMScheduler", "DDIMScheduler"),
    ],
)
def test_the_list_holds_what_takes_the_steps_that_the_model_was_trained_for(own, config, is_there, is_absent):
    found = fitting(own, config)
    assert own in found and is_there in found and is_absent not in found


def test_every_scheduler_of_the_list_is_accepted_and_exported():
    import diffusers

    for name in [*fitting("UniPCMultistepScheduler", FLOW), *fitting("PNDMScheduler", {})]:
        refuse_unknown(name, "PNDMScheduler", {})
        assert hasattr(diffusers, name)
