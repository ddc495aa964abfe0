"""The memory strategies, and where each puts the weights of a component while its stage runs."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

AUTO = "auto"


class Strategy(StrEnum):
    """Where components live while a stage runs; the fastest first. Results are bit-identical whichever is used."""

    RESIDENT = "resident"
    """Every component stays on the device from its first use to the end of the run."""
    MODEL_OFFLOAD = "model_offload"
    """A stage's components are on the device while it runs, and in RAM otherwise; several denoisers alternate."""
    STAGED = "staged"
    """A stage's components are loaded for it and dropped after it; several denoisers alternate."""
    BLOCK_OFFLOAD = "block_offload"
    """One block of the denoiser at a time is on the device; text encoders go leaf by leaf, the VAE stays there."""
    LEAF_OFFLOAD = "leaf_offload"
    """One leaf module at a time is on the device."""
    DISK_OFFLOAD = "disk_offload"
    """One leaf module at a time is in memory at all; the others are in files."""


OFFLOADS = (Strategy.BLOCK_OFFLOAD, Strategy.LEAF_OFFLOAD, Strategy.DISK_OFFLOAD)


def most_frugal(strategies: Iterable[Strategy]) -> Strategy:
    """Returns the strategy that takes the least device memory."""
    return max(strategies, key=list(Strategy).index)


class Placement(StrEnum):
    """Where the weights of one component are while its stage runs."""

    WHOLE = "whole"
    """On the device."""
    ON_CALL = "on_call"
    """On the device from its call until another component is called, in RAM otherwise."""
    BLOCKS = "blocks"
    """On the device block by block, in RAM otherwise."""
    LEAVES = "leaves"
    """On the device leaf by leaf, in RAM otherwise."""
    DISK = "disk"
    """On the device leaf by leaf, in files otherwise."""


class Role(StrEnum):
    """What a component does."""

    ENCODER = "encoder"
    DENOISER = "denoiser"
    DECODER = "decoder"


_PLACED = {
    Strategy.BLOCK_OFFLOAD: {
        # diffusers' block groups are lists of blocks directly below the model; a T5 encoder's lie deeper.
        Role.ENCODER: Placement.LEAVES,
        Role.DENOISER: Placement.BLOCKS,
        # A VAE is called through `decode`, which the hook of a whole model does not see.
        Role.DECODER: Placement.WHOLE,
    },
    Strategy.LEAF_OFFLOAD: dict.fromkeys(Role, Placement.LEAVES),
    Strategy.DISK_OFFLOAD: dict.fromkeys(Role, Placement.DISK),
}


_ONE_AT_A_TIME = (Strategy.MODEL_OFFLOAD, Strategy.STAGED)


def placement_of(strategy: Strategy, role: Role, *, alike: int = 1) -> Placement:
    """Returns where a strategy puts a component's weights while its stage runs.

    Args:
        strategy: the stage's.
        role: what the component does.
        alike: how many components of the stage have that role; several denoisers of a clip run one after the other.
    """
    if role is Role.DENOISER and alike > 1 and strategy in _ONE_AT_A_TIME:
        return Placement.ON_CALL
    return _PLACED.get(strategy, {}).get(role, Placement.WHOLE)


def role_by_name(part: str) -> Role:
    """Returns the role of a part by its name in diffusers; a part with any other name is an encoder."""
    if part.startswith(("transformer", "unet")):
        return Role.DENOISER
    return Role.DECODER if part.startswith(("vae", "vqvae", "audio_vae", "vocoder")) else Role.ENCODER
