"""How driver and worker see that their model is the same one."""

from __future__ import annotations

from vgpipe.models.base import Family
from vgpipe.store.digest import digest_of


def family_digest(family: Family) -> str:
    """Returns a digest of the model's files and settings, by which driver and worker see that theirs are the same."""
    return digest_of({name: dict(family.identity(name)) for name in family.components()})
