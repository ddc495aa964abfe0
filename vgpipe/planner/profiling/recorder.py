"""Records what the modules of a component take while they run: its leaves, its blocks, and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from vgpipe.memory.live_bytes import Window
from vgpipe.planner.profiling.memory_mode import Tracker, Work


@dataclass(slots=True)
class Record:
    """The most live bytes of one call, or of several together.

    Attributes:
        peak_bytes: at any time.
        outside_leaves_bytes: while no leaf ran.
        outside_blocks_bytes: while no block ran.
        leaves: by name, while it ran.
        blocks: by name, while it ran.
        tokens: linear leaf -> the most vectors that it worked on at once.
        work: what it did.
    """

    peak_bytes: int = 0
    outside_leaves_bytes: int = 0
    outside_blocks_bytes: int = 0
    leaves: dict[str, int] = field(default_factory=dict)
    blocks: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    work: Work = field(default_factory=Work)

    def raised(self, by_bytes: int) -> Record:
        """Returns the same call with more bytes alive from its start."""
        return Record(
            self.peak_bytes + by_bytes,
            self.outside_leaves_bytes + by_bytes,
            self.outside_blocks_bytes + by_bytes,
            {name: size + by_bytes for name, size in self.leaves.items()},
            {name: size + by_bytes for name, size in self.blocks.items()},
            dict(self.tokens),
            self.work.copy(),
        )

    def moved(self, old: str, new: str) -> Record:
        """Returns the same call of a module that is built alike.

        Args:
            old: what the names of its parts begin with here.
            new: what they begin with there.
        """
        leaves, blocks, tokens = (
            {new + name.removeprefix(old): size for name, size in part.items()}
            for part in (self.leaves, self.blocks, self.tokens)
        )
        return replace(self, leaves=leaves, blocks=blocks, tokens=tokens)


@dataclass(slots=True)
class _Frame:
    """A module that runs now."""

    context: AbstractContextManager[Window]
    window: Window
    leaf: str | None
    block: str | None


class Recorder:
    """Records what is alive, for the module that runs and those around it.

    Args:
        tracker: counts; active while modules run.
    """

    def __init__(self, tracker: Tracker):
        self.tracker = tracker
        self._frames: list[list[_Frame]] = []
        self._records: list[Record] = []

    @contextmanager
    def call(self) -> Iterator[Record]:
        """Records a call, in absolute figures; a call inside another one is part of that too."""
        record, before = Record(), self.tracker.work.copy()
        self._records.append(record)
        self._frames.append([])
        self._enter(None, None)
        try:
            yield record
        finally:
            record.peak_bytes = max(record.peak_bytes, self._leave())
            record.work = self.tracker.work.copy()
            record.work.add(before, -1)
            self._frames.pop()
            self._records.pop()
            if self._records:
                self._merge(record)

    def repeat(self, record: Record) -> None:
        """Records a repeated call without running it.

        Args:
            record: in absolute figures.
        """
        self.tracker.note_peak(record.peak_bytes)
        self.tracker.work.add(record.work)
        if self._records:
            self._merge(record)

    def add_hooks(self, module: torch.nn.Module, leaves: set[str], blocks: set[str]) -> None:
        """Adds hooks that record the leaves and blocks of a component."""
        for name, part in module.named_modules():
            leaf, block = name if name in leaves else None, name if name in blocks else None
            if leaf is not None or block is not None:
                part.register_forward_pre_hook(
                    lambda module, args, leaf=leaf, block=block: self._enter(leaf, block, _tokens(module, args))
                )
                part.register_forward_hook(lambda *_: self._leave_module())

    def _enter(self, leaf: str | None, block: str | None, tokens: int = 0) -> None:
        if leaf is not None and tokens:
            noted = self._records[-1].tokens
            noted[leaf] = max(noted.get(leaf, 0), tokens)
        context = self.tracker.window()
        self._frames[-1].append(_Frame(context, context.__enter__(), leaf, block))

    def _leave_module(self) -> None:
        self._leave()

    def _leave(self) -> int:
        frames, record = self._frames[-1], self._records[-1]
        frame = frames[-1]
        frame.context.__exit__(None, None, None)
        self.tracker.note_live()
        if frame.leaf is not None:
            record.leaves[frame.leaf] = max(record.leaves.get(frame.leaf, 0), frame.window.peak_bytes)
        if frame.block is not None:
            record.blocks[frame.block] = max(record.blocks.get(frame.block, 0), frame.window.peak_bytes)
        self._outside(frame.window.own_bytes, frame.window.own_bytes)
        frames.pop()
        return frame.window.peak_bytes

    def _outside(self, outside_leaves: int, outside_blocks: int) -> None:
        frames, record = self._frames[-1], self._records[-1]
        if all(frame.leaf is None for frame in frames):
            record.outside_leaves_bytes = max(record.outside_leaves_bytes, outside_leaves)
        if all(frame.block is None for frame in frames):
            record.outside_blocks_bytes = max(record.outside_blocks_bytes, outside_blocks)

    def _merge(self, inner: Record) -> None:
        record = self._records[-1]
        pairs = ((record.leaves, inner.leaves), (record.blocks, inner.blocks), (record.tokens, inner.tokens))
        for mine, its in pairs:
            for name, size in its.items():
                mine[name] = max(mine.get(name, 0), size)
        self._outside(inner.outside_leaves_bytes, inner.outside_blocks_bytes)


def _tokens(module: torch.nn.Module, args: tuple[Any, ...]) -> int:
    """Returns how many vectors a linear layer is called with; 0 for other modules."""
    if not isinstance(module, torch.nn.Linear) or not args or not isinstance(args[0], torch.Tensor):
        return 0
    return args[0].numel() // max(args[0].shape[-1], 1)
