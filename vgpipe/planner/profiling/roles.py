"""The role of a part of a model, and the size of its files; imports no model library."""

from __future__ import annotations

from contextlib import suppress

from vgpipe.errors import ModelError
from vgpipe.memory.strategies import Role
from vgpipe.models.base import Family

ONCE_A_CLIP = ("connectors", "latent_upsampler")
"""Parts of denoising that run once a clip."""


def role_of(family: Family, part: str) -> Role:
    """Returns the role of a part, by the stage that it belongs to."""
    if part in family.decode_components or part.startswith("vae"):
        return Role.DECODER
    if part in family.encode_components or "encoder" in part or part.startswith(ONCE_A_CLIP):
        return Role.ENCODER
    return Role.DENOISER


def is_denoiser(family: Family, part: str) -> bool:
    """Returns whether a part runs at every denoising step."""
    return role_of(family, part) is Role.DENOISER


def components_of(family: Family, part: str) -> tuple[str, ...]:
    """Returns the components that a part consists of; for most parts, the part itself."""
    made_of: tuple[str, ...] = getattr(family, "made_of", {}).get(part, (part,))
    return made_of


def file_bytes(family: Family, part: str) -> int:
    """Returns the size of the files that loading a part reads; 0 if unknown."""
    sizes = 0
    for component in components_of(family, part):
        with suppress(ModelError, OSError):
            sizes += family.checkpoint.size_bytes(component, family.settings.variant)
    return sizes
