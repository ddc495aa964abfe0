"""What a part of a model does, and how large its files are; imports no model library."""

from __future__ import annotations

from contextlib import suppress

from vgpipe.errors import ModelError
from vgpipe.memory.strategies import Role
from vgpipe.models.base import Family


def role_of(family: Family, part: str) -> Role:
    """Returns what a part does, by the stage that it belongs to."""
    if part in family.decode_components or part.startswith("vae"):
        return Role.DECODER
    if part in family.encode_components or "encoder" in part:
        return Role.ENCODER
    return Role.DENOISER


def is_denoiser(family: Family, part: str) -> bool:
    """Says whether a part runs at every denoising step."""
    return role_of(family, part) is Role.DENOISER


def components_of(family: Family, part: str) -> tuple[str, ...]:
    """Returns the components that a part is put together from; most are just themselves."""
    made_of: tuple[str, ...] = getattr(family, "made_of", {}).get(part, (part,))
    return made_of


def file_bytes(family: Family, part: str) -> int:
    """Returns the size of a part's files as loading reads them; 0 where they are not known."""
    sizes = 0
    for component in components_of(family, part):
        with suppress(ModelError, OSError):
            sizes += family.checkpoint.size_bytes(component, family.settings.variant)
    return sizes
