from __future__ import annotations

import torch

from vgpipe.models.pipeline.joint_latents import JointLayout, joined


def test_what_is_joined_is_split_again():
    video, sound = torch.randn(1, 6, 4), torch.randn(1, 5, 3)
    joint, layout = joined(video, sound), JointLayout(video_channels=4, sound_channels=3)
    assert joint.shape == (1, 39) and layout.sound_tokens(joint, video_tokens=6) == 5
    again = layout.split(joint, sound_tokens=5)
    assert torch.equal(again[0], video) and torch.equal(again[1], sound)


def test_views_change_with_the_whole():
    layout = JointLayout(video_channels=2, sound_channels=1)
    joint = torch.zeros(1, 5)
    layout.split(joint, sound_tokens=1)[1].fill_(7)
    assert joint.tolist() == [[0, 0, 0, 0, 7]]
