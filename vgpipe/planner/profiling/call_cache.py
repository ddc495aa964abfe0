"""Runs a call once for each kind of input, and repeats its effect on memory for equal ones."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from vgpipe.planner.profiling.memory_mode import Tracker
from vgpipe.planner.profiling.recorder import Record, Recorder

PLAIN = (int, float, bool, str, torch.dtype, torch.device, type(None))


class _Indescribable(Exception):
    """A result that cannot be described well enough to recreate it."""


class _TensorLayout:
    """How a tensor is stored: in one of the call's inputs, or in a new storage.

    Attributes:
        place: index of an input tensor, or of a new storage.
        is_input: whether `place` is that of an input.
        fake_mode: what makes such tensors; None for one that is real.
    """

    def __init__(self, tensor: torch.Tensor, place: int, is_input: bool):
        self.place, self.is_input = place, is_input
        self.fake_mode = tensor.fake_mode if isinstance(tensor, FakeTensor) else None
        self.dtype, self.shape, self.stride = tensor.dtype, tuple(tensor.shape), tuple(tensor.stride())
        self.offset = tensor.storage_offset()
        self.storage_bytes = tensor.untyped_storage().nbytes()

    @property
    def fills_storage(self) -> bool:
        """Whether the tensor takes its whole storage."""
        note_peak = 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.stride, strict=True))
        return not self.offset and 0 not in self.shape and note_peak * self.dtype.itemsize == self.storage_bytes

    def new(self) -> torch.Tensor:
        """Returns a tensor with this layout, or the bytes that one lies in; neither runs through other modes."""
        with self.fake_mode or nullcontext():
            if self.fills_storage:
                return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device="cpu")
            return torch.empty(self.storage_bytes, dtype=torch.uint8, device="cpu")

    def matches(self, tensor: torch.Tensor) -> bool:
        """Returns whether a tensor of the same storage has this layout."""
        layout = tensor.dtype, tuple(tensor.shape), tuple(tensor.stride()), tensor.storage_offset()
        return layout == (self.dtype, self.shape, self.stride, self.offset)


class CachedCall:
    """A call that has run: its figures relative to what was alive at its start, and its results."""

    def __init__(self, record: Record, result: Any, lists: list[Any], path: str):
        self.record, self.result, self.lists, self.path = record, result, lists, path


Known = dict[Any, CachedCall]
"""Kind of input -> the call that has run."""


class CallCache:
    """Runs a function once for each kind of input.

    Args:
        recorder: records them.
        function: runs a module on fake tensors; its lists among the arguments may change.
        path: what the names of its module's parts begin with.
        known: shared with the modules that are built alike; its own by default.
    """

    def __init__(self, recorder: Recorder, function: Callable[..., Any], path: str = "", known: Known | None = None):
        self._recorder, self._function, self._path = recorder, function, path
        self._done: Known = {} if known is None else known

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the function's result, in new tensors."""
        key = _signature((args, kwargs))
        if key is not None and key in self._done:
            return self._repeat(self._done[key], args, kwargs)
        base = self._recorder.tracker.live_bytes
        # Weak references: what a call replaces (a cache of earlier frames) is freed while it runs.
        inputs = [weakref.ref(tensor.untyped_storage()) for tensor in _inputs(args, kwargs)]
        with self._recorder.call() as record:
            result = self._function(*args, **kwargs)
        if key is not None:
            self._remember(key, record.raised(-base), result, args, kwargs, inputs)
        return result

    def _remember(
        self, key: Any, record: Record, result: Any, args: Any, kwargs: Any, inputs: list[weakref.ref[Any]]
    ) -> None:
        describer = _Describer(inputs, self._recorder.tracker)
        try:
            layout = describer.tree(result)
            lists = [describer.tree(list(one)) for one in _lists(args, kwargs)]
        except _Indescribable:
            return
        self._done[key] = CachedCall(record, layout, lists, self._path)

    def _repeat(self, done: CachedCall, args: Any, kwargs: Any) -> Any:
        tracker = self._recorder.tracker
        record = done.record.raised(tracker.live_bytes)
        self._recorder.repeat(record if done.path == self._path else record.moved(done.path, self._path))
        inputs: list[torch.Tensor] = _inputs(args, kwargs)
        storages: dict[int, torch.Tensor] = {}
        with tracker.paused():  # new tensors count after old ones are freed
            result = _recreate(done.result, inputs, storages)
            lists = [_recreate(layout, inputs, storages) for layout in done.lists]
        inputs.clear()
        for one, content in zip(_lists(args, kwargs), lists, strict=True):
            one[:] = content
        tracker.hold(storages.values())
        return result


def _signature(given: Any) -> Any:
    leaves, spec = tree_flatten(given)
    parts: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, torch.Tensor):
            parts.append((leaf.dtype, tuple(leaf.shape), tuple(leaf.stride()), leaf.untyped_storage().nbytes()))
        elif isinstance(leaf, PLAIN):
            parts.append(leaf)
        else:
            return None
    return str(spec), tuple(parts)


def _inputs(args: Any, kwargs: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]


def _lists(args: Any, kwargs: Any) -> list[list[Any]]:
    return [value for value in (*args, *kwargs.values()) if isinstance(value, list)]


class _Describer:
    """Describes the results of a call.

    Args:
        inputs: storages of its input tensors, including freed ones.
        tracker: knows which are weights.
    """

    def __init__(self, inputs: list[weakref.ref[Any]], tracker: Tracker):
        alive = [(place, storage()) for place, storage in enumerate(inputs)]
        self._inputs = {storage._cdata: place for place, storage in reversed(alive) if storage is not None}
        self._new: dict[int, int] = {}
        self._tracker = tracker

    def tree(self, value: Any) -> tuple[list[Any], TreeSpec]:
        """Describes a tree of tensors and plain values.

        Raises:
            _NotTold: where it holds anything else.
        """
        leaves, spec = tree_flatten(value)
        return [self._leaf(leaf) for leaf in leaves], spec

    def _leaf(self, leaf: Any) -> Any:
        if isinstance(leaf, PLAIN):
            return leaf
        if not isinstance(leaf, torch.Tensor):
            raise _Indescribable
        key = leaf.untyped_storage()._cdata
        if key in self._inputs:
            return _TensorLayout(leaf, self._inputs[key], True)
        if self._tracker.is_ignored(leaf) or not isinstance(leaf, FakeTensor):
            raise _Indescribable  # a weight, or values that another call would not have
        return _TensorLayout(leaf, self._new.setdefault(key, len(self._new)), False)


def _recreate(layout: tuple[list[Any], TreeSpec], inputs: list[torch.Tensor], storages: dict[int, torch.Tensor]) -> Any:
    leaves, spec = layout
    return tree_unflatten(
        [_recreate_leaf(leaf, inputs, storages) if isinstance(leaf, _TensorLayout) else leaf for leaf in leaves], spec
    )


def _recreate_leaf(made: _TensorLayout, inputs: list[torch.Tensor], storages: dict[int, torch.Tensor]) -> torch.Tensor:
    if made.is_input:
        source = inputs[made.place]
        if made.matches(source):
            return source
    elif made.place in storages:
        source = storages[made.place]
    else:
        source = storages[made.place] = made.new()
        if made.fills_storage:
            return source
    return source.view(made.dtype).as_strided(made.shape, made.stride, made.offset)
