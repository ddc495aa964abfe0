"""Checks all that a store holds against its checksums."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vgpipe.stages import checkpoints
from vgpipe.store.artifacts import DAMAGE, checked_record
from vgpipe.store.durable import set_aside
from vgpipe.vocabulary import CHECKPOINT, IMAGE

DIGEST_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Checked:
    """An artifact or a checkpoint after its check.

    Attributes:
        path: its folder, or its file.
        bytes: of its files, as recorded; of a checkpoint, its size.
        damage: what is wrong with it; empty where it is whole.
        aside: where it lies now, if it was damaged.
    """

    path: Path
    bytes: int
    damage: str = ""
    aside: Path | None = None

    @property
    def name(self) -> str:
        """What it is, and the start of its digest."""
        return f"{self.path.parents[1].name} {self.path.name[:12]}"


def check_store(store: Path) -> Iterator[Checked]:
    """Reads all that a store holds, and sets aside what is damaged, so that the next run makes it again.

    What vanishes meanwhile, or is not finished, is left out. Imports torch where there are checkpoints.

    Args:
        store: its root.

    Raises:
        OSError: where something damaged cannot be set aside.
    """
    for path in sorted(store.glob("*/*/*")):
        kind, digest = path.parents[1].name, path.name.removesuffix(checkpoints.SUFFIX)
        if len(digest) != DIGEST_CHARACTERS or kind == IMAGE:
            continue
        checked = _checkpoint(path) if kind == CHECKPOINT else _artifact(path)
        if checked.damage and not os.path.lexists(path):
            continue
        yield Checked(path, checked.bytes, checked.damage, set_aside(path)) if checked.damage else checked


def _artifact(folder: Path) -> Checked:
    try:
        _, files, _ = checked_record(folder, folder.name)
    except DAMAGE as error:
        return Checked(folder, 0, str(error) or type(error).__name__)
    return Checked(folder, sum(one["bytes"] for one in files.values()))


def _checkpoint(path: Path) -> Checked:
    damage = checkpoints.damage(path)
    return Checked(path, 0 if damage else path.stat().st_size, damage)
