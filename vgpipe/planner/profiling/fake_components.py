"""Fake components for stock pipelines: their classes run on fake tensors, and the pipeline around them on real ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import tree_map

from vgpipe.planner.profiling.alike_modules import share_runs
from vgpipe.planner.profiling.attention import Attention
from vgpipe.planner.profiling.call_cache import CallCache
from vgpipe.planner.profiling.fake_mode import KNOWN_FLOATS, FakeRouting, is_known
from vgpipe.planner.profiling.modules import ModuleParts, parts_of
from vgpipe.planner.profiling.recorder import Record, Recorder
from vgpipe.planner.profiling.vae_tiles import shorten

ENTRY_POINTS = ("encode", "decode")


class FakeComponent:
    """Replaces a component in a pipeline; not a `torch.nn.Module`, so that the pipeline stays on the CPU.

    Args:
        name: of the part.
        module: its class on fake weights.
        run: what all fake components of a stage share.

    Attributes:
        calls: how often it was called.
        record: of all its calls together.
        output_bytes: what its last call returned.
    """

    def __init__(self, name: str, module: torch.nn.Module, run: Run):
        self.name, self._module, self._run = name, module, run
        self.calls, self.output_bytes = 0, 0
        self.record = Record()
        self.parts: ModuleParts = parts_of(module)
        self.dtype = getattr(module, "dtype", torch.float32)
        self.device = torch.device("cpu")
        self.config = getattr(module, "config", None)
        run.recorder.tracker.ignore([*module.parameters(), *module.buffers()])
        run.recorder.add_hooks(module, self.parts.leaf_names, self.parts.block_names)
        shorten(module, run.recorder)
        share_runs(module, run.recorder)
        self._entry_points: dict[str, CallCache] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the component; returns zeros of its output's shape."""
        return self._enter("__call__", args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in ENTRY_POINTS and hasattr(self._module, name):
            return lambda *args, **kwargs: self._enter(name, args, kwargs)
        found = getattr(self._module, name)
        if isinstance(found, FakeTensor) and found.numel() <= KNOWN_FLOATS:
            # Statistics that a pipeline scales its latents by; fake, they would make those fake, too.
            return torch.ones(found.shape, dtype=found.dtype)
        return found

    def to(self, *_args: Any, **_kwargs: Any) -> FakeComponent:
        """Returns the component unchanged."""
        return self

    def _enter(self, name: str, args: Any, kwargs: Any) -> Any:
        if name not in self._entry_points:
            self._entry_points[name] = CallCache(self._run.recorder, getattr(self._module, name))
        self.calls += 1
        result, record = self._run.call(self._entry_points[name], args, kwargs, stays_fake=name == "decode")
        self._note(record, result)
        return result

    def _note(self, record: Record, result: Any) -> None:
        one = self.record
        one.peak_bytes = max(one.peak_bytes, record.peak_bytes)
        one.outside_leaves_bytes = max(one.outside_leaves_bytes, record.outside_leaves_bytes)
        one.outside_blocks_bytes = max(one.outside_blocks_bytes, record.outside_blocks_bytes)
        for mine, its in ((one.leaves, record.leaves), (one.blocks, record.blocks), (one.tokens, record.tokens)):
            for name, size in its.items():
                mine[name] = max(mine.get(name, 0), size)
        one.work.add(record.work)
        sizes: list[int] = []
        tree_map(lambda leaf: sizes.append(leaf.nbytes) if isinstance(leaf, torch.Tensor) else None, result)
        self.output_bytes = sum(sizes)


class Run:
    """One stage that runs on fake components.

    Args:
        recorder: whose tracker is active in the stage.
        routing: active in the stage, below the tracker.
        attention: replaces the real one while a component runs.
    """

    def __init__(self, recorder: Recorder, routing: FakeRouting, attention: Attention):
        self.recorder, self._routing, self._attention = recorder, routing, attention

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any, *, stays_fake: bool) -> tuple[Any, Record]:
        """Calls a component with fake copies of its arguments.

        Args:
            function: the component.
            args: real tensors, or fake ones that an earlier call returned.
            kwargs: keyword arguments, the same.
            stays_fake: whether the result stays fake; otherwise it becomes real zeros.

        Returns:
            The result, and the record of the call.
        """
        tracker = self.recorder.tracker
        with tracker.paused():
            faked = _Converted(self._fake_storage)
            fake_args, fake_kwargs = faked.all((args, kwargs), is_wanted=_becomes_fake)
        with self.recorder.call() as record, tracker.ignoring(faked.made):
            self._routing.active = True
            try:
                with torch.no_grad(), self._attention:
                    result = function(*fake_args, **fake_kwargs)
            finally:
                self._routing.active = False
            if stays_fake:
                return result, record
            with tracker.paused():
                real = _Converted(_real_storage, back=faked.pairs())
                known = real.all(result, is_wanted=lambda tensor: isinstance(tensor, FakeTensor))
            made = real.made
            del result, real  # the fake tensors of either would count beside the real ones
        tracker.hold(made)
        return known, record

    def _fake_storage(self, size_bytes: int) -> torch.Tensor:
        with self._routing.fake_mode:
            return torch.empty(size_bytes, dtype=torch.uint8)


class _Converted:
    """Converts tensors to others of the same layout, which share memory where the originals do.

    Attributes:
        made: one tensor for each new storage.
    """

    def __init__(self, allocate: Callable[[int], torch.Tensor], back: dict[int, torch.Tensor] | None = None):
        self.made: list[torch.Tensor] = []
        self._allocate = allocate
        self._by_storage: dict[int, torch.Tensor] = dict(back or {})
        self._sources: list[torch.Tensor] = []

    def all(self, value: Any, *, is_wanted: Callable[[torch.Tensor], bool]) -> Any:
        """Returns a tree with its wanted tensors converted, including those in attributes of objects."""
        return tree_map(lambda leaf: self._leaf(leaf, is_wanted), value)

    def _leaf(self, leaf: Any, is_wanted: Callable[[torch.Tensor], bool]) -> Any:
        if isinstance(leaf, torch.Tensor):
            return self._one(leaf) if is_wanted(leaf) else leaf
        tensors = {name: item for name, item in getattr(leaf, "__dict__", {}).items() if isinstance(item, torch.Tensor)}
        if not tensors or isinstance(leaf, torch.nn.Module):
            return leaf
        changed = copy.copy(leaf)
        vars(changed).update({name: self._leaf(item, is_wanted) for name, item in tensors.items()})
        return changed

    def pairs(self) -> dict[int, torch.Tensor]:
        """Returns, for each new storage, a tensor over the whole storage of its original."""
        return {
            made.untyped_storage()._cdata: _bytes_of(source)
            for made, source in zip(self.made, self._sources, strict=True)
        }

    def _one(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._by_storage:
            base = self._allocate(storage.nbytes())
            self._by_storage[storage._cdata] = base
            self.made.append(base)
            self._sources.append(tensor)
        base = self._by_storage[storage._cdata]
        return base.view(tensor.dtype).as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def _becomes_fake(tensor: torch.Tensor) -> bool:
    return not isinstance(tensor, FakeTensor) and not is_known(tensor)


def _real_storage(size_bytes: int) -> torch.Tensor:
    return torch.zeros(size_bytes, dtype=torch.uint8)


def _bytes_of(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())
