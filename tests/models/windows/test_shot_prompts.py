"""Shots of a clip in windows: each window is told the prompt that holds at its middle frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from tests.models.long_clips import VIDEO, denoisers, spied
from vgpipe.models.windows.shot_prompts import is_same

BY_FRAME = ("sample", "hidden_states", "control_hidden_states", "timestep", "visual_rope_pos")


def told(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each call says of the prompt: all tensors but those that go with the frames."""
    return [
        {name: value for name, value in call.items() if name not in (*BY_FRAME, "output", "image_rotary_emb")}
        for call in calls
    ]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(is_same(value, other[name]) for name, value in one.items())


def test_each_window_gets_the_prompt_of_its_middle_frame(long_clip):
    setup, driven = long_clip
    case, second = replace(setup.case, num_inference_steps=2), "a large red circle"
    # The middle of the second window is the first frame of the second prompt.
    padding = setup.latent_frames - (case.num_frames - 1) // setup.stride - 1
    begins = (setup.starts[1] - padding) * setup.stride + (case.window[0] - 1) // 2
    modules, seen = denoisers(driven, case), []
    for changed in (case, replace(case, prompt=second), replace(case, shots=((begins, second),))):
        with spied(modules) as calls:
            driven.latents(changed)
        seen.append(told(calls))
    assert len(seen[0]) == len(seen[1]) == len(seen[2])
    for number, (first, later, both) in enumerate(zip(*seen, strict=True)):
        assert same(both, first if number % len(setup.starts) == 0 else later)
    assert not all(same(first, later) for first, later in zip(*seen[:2], strict=True))


def test_the_same_prompt_twice_is_no_other_clip(long_clip):
    setup, driven = long_clip
    case = replace(setup.case, num_inference_steps=2)
    alone, request = driven.latents(case)
    twice, again = driven.latents(replace(case, shots=((5, case.prompt),)))
    assert torch.equal(twice, alone)
    assert torch.equal(again.generator.get_state(), request.generator.get_state())


def test_another_prompt_first_changes_the_frames_that_it_is_for(opened):
    case = replace(VIDEO, shots=((20, "a large red circle"),))
    steps: list[list] = [[], []]
    opened("wan").latents(VIDEO, spy=steps[0])
    opened("wan").latents(case, spy=steps[1])
    alone, both = steps[0][0][1], steps[1][0][1]
    # The last of the windows at 0, 3 and 5 alone is told of the circle: it has its share of latent frame 5 on.
    assert torch.equal(alone[:, :, :5], both[:, :, :5]) and not torch.equal(alone[:, :, 5:], both[:, :, 5:])


def test_only_prompts_that_hold_in_a_window_are_looked_at(opened):
    case = replace(VIDEO, shots=((32, "circle"),))
    assert torch.equal(opened("wan").latents(case)[0], opened("wan").latents(VIDEO)[0])
