"""Builds what a disk may hold after a power cut, from what a dead process left and what it had flushed."""

from __future__ import annotations

import os
import random
import shutil
from enum import Enum
from pathlib import Path

from tests.failpoints.shim import Shim


class Loss(Enum):
    """What of the unflushed is lost; a file system may do any of these."""

    NOTHING = "nothing: only the process has died"
    ALL = "everything that was not flushed, names included"
    EMPTY = "the content that was not flushed; its names and renames are kept"
    ZEROS = "the same, and the lost content reads as zeros"
    MIXED = "of every folder and every file at random, the old state or the new one"


class PowerCut:
    """Rebuilds one folder.

    Args:
        shim: names files and folders.
        left: the folder as the process left it.
        copies: what was flushed, as `Shim.begin` was given it.
        loss: what is lost.
        seed: of the choice of `Loss.MIXED`.
    """

    def __init__(self, shim: Shim, left: Path, copies: Path, loss: Loss, seed: int = 0):
        self._shim, self._left, self._copies, self._loss = shim, left, copies, loss
        self._dice = random.Random(seed)
        self._live: dict[str, Path] = {shim.identity(path): path for path in (left, *left.rglob("*"))}
        self._built: dict[str, Path] = {}

    def build(self, target: Path) -> None:
        """Writes the folder as it is after the power cut to `target`, which must not exist."""
        self._folder(self._shim.identity(self._left), target)

    def _keeps_new(self, loses: Loss) -> bool:
        return self._dice.random() < 0.5 if self._loss is Loss.MIXED else self._loss is not loses

    def _folder(self, name: str, target: Path) -> None:
        target.mkdir()
        for kind, child, child_name in self._entries(name):
            place = target / child
            if kind == "d":
                self._folder(child_name, place)
            elif kind == "f":
                self._file(child_name, place)
            elif child_name in self._live:
                place.symlink_to(os.readlink(self._live[child_name]))

    def _entries(self, name: str) -> list[tuple[str, str, str]]:
        if name in self._live and self._keeps_new(Loss.ALL):
            children = sorted(self._live[name].iterdir())
            return [(_kind(path), path.name, self._shim.identity(path)) for path in children]
        flushed = self._copies / name
        lines = flushed.read_text("utf-8").splitlines() if flushed.exists() else []
        rows = [line.split(" ", 2) for line in lines]
        return [(kind, child, child_name) for kind, child_name, child in rows]

    def _file(self, name: str, target: Path) -> None:
        if name in self._built:
            os.link(self._built[name], target)
            return
        self._built[name] = target
        target.write_bytes(self._content(name))

    def _content(self, name: str) -> bytes:
        flushed = (self._copies / name).read_bytes() if (self._copies / name).exists() else b""
        new = self._live[name].read_bytes() if name in self._live else flushed
        if self._loss is Loss.NOTHING:
            return new
        if new == flushed or self._loss is Loss.ALL:
            return flushed
        # What was flushed is there as far as it was not written over; the rest is what the file system makes of it.
        size = next((at for at, (old, now) in enumerate(zip(flushed, new, strict=False)) if old != now), None)
        size = min(len(flushed), len(new)) if size is None else size
        choices = {Loss.EMPTY: new[:size], Loss.ZEROS: new[:size] + b"\0" * (len(new) - size)}
        if self._loss in choices:
            return choices[self._loss]
        half = new[: size + self._dice.randint(0, len(new) - size)]
        return self._dice.choice([flushed, new, half, *choices.values()])


def _kind(path: Path) -> str:
    return "l" if path.is_symlink() else "d" if path.is_dir() else "f"


def copy(source: Path, target: Path) -> None:
    """Copies a folder with its hard links; removes what is in the way."""
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    known: dict[int, Path] = {}
    for path in sorted(source.rglob("*")):
        place, facts = target / path.relative_to(source), path.lstat()
        if path.is_symlink():
            place.symlink_to(os.readlink(path))
        elif path.is_dir():
            place.mkdir()
        elif facts.st_ino in known:
            os.link(known[facts.st_ino], place)
        else:
            known[facts.st_ino] = place
            shutil.copy2(path, place)
