"""Latents of video and of sound in one tensor, so that stages, checkpoints and the store know one.

Shape suffixes: B batch, S video tokens, C video channels, L sound tokens, D sound channels, N numbers of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class JointLayout:
    """How the two lie in the one: all of the video, then all of the sound.

    Attributes:
        video_channels: numbers of a video token.
        sound_channels: numbers of a sound token.
    """

    video_channels: int
    sound_channels: int

    def split(self, joint_BN: torch.Tensor, *, sound_tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns both as the pipeline's loop has them, (B, S, C) and (B, L, D), as views; what is no sound is video.

        Args:
            joint_BN: of `joined`.
            sound_tokens: tokens of sound.
        """
        sound_numbers = sound_tokens * self.sound_channels
        video_BN, sound_BN = joint_BN.tensor_split([joint_BN.shape[1] - sound_numbers], dim=1)
        return video_BN.unflatten(1, (-1, self.video_channels)), sound_BN.unflatten(1, (-1, self.sound_channels))

    def sound_tokens(self, joint_BN: torch.Tensor, *, video_tokens: int) -> int:
        """Returns how many tokens of sound follow those of video.

        Args:
            joint_BN: of `joined`.
            video_tokens: tokens of video.
        """
        return (joint_BN.shape[1] - video_tokens * self.video_channels) // self.sound_channels


def joined(video_BSC: torch.Tensor, sound_BLD: torch.Tensor) -> torch.Tensor:
    """Returns one tensor of both, (B, N).

    Args:
        video_BSC: latents of video, packed as the pipeline's loop has them.
        sound_BLD: latents of sound, the same.
    """
    import torch

    return torch.cat([video_BSC.flatten(1), sound_BLD.flatten(1)], dim=1)
