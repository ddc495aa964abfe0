"""Counts what a run on fake components takes: live bytes, the workspace of operations, and their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any, Literal

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from vgpipe.memory.host_allocator import LARGE_BYTES
from vgpipe.memory.live_bytes import LiveBytes
from vgpipe.planner.profile_records import Kernels

aten = torch.ops.aten
CHANNELS_LAST_DIMENSIONS = (4, 5)
HALF_BYTES, FLOAT32_BYTES = 2, 4


@dataclass(slots=True)
class Work:
    """Work so far.

    Attributes:
        matmul: floating-point operations of linear layers; a multiply-add counts as two.
        conv: of convolutions.
        attention: of attention proper.
        kernels: how many operations were started, views left out.
        moved_bytes: what operations without a count of their own read and wrote, where their result is large; small
            ones stay in a cache.
    """

    matmul: float = 0.0
    conv: float = 0.0
    attention: float = 0.0
    kernels: float = 0.0
    moved_bytes: float = 0.0

    def add(self, other: Work, sign: int = 1) -> None:
        """Adds others to these; subtracts them with a sign of -1."""
        self.matmul += sign * other.matmul
        self.conv += sign * other.conv
        self.attention += sign * other.attention
        self.kernels += sign * other.kernels
        self.moved_bytes += sign * other.moved_bytes

    def copy(self) -> Work:
        """Returns a copy."""
        return replace(self)


class Tracker(LiveBytes):
    """Counts live activations, workspace and operations; ignores weights.

    Args:
        kernels: those that the run assumes.

    Attributes:
        work: what was done so far.
        workspace_peak_bytes: the most live bytes together with what a CPU's convolution needs internally.
        in_attention: whether matrix products belong to attention at the moment.
        is_paused: whether nothing is counted at the moment.
    """

    def __init__(self, kernels: Kernels):
        super().__init__(counts=self._is_activation, spike=self._count)
        self.work, self.workspace_peak_bytes = Work(), 0
        self.in_attention = self.is_paused = False
        self._has_workspace = kernels != "cpu"
        self._ignored: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operation and counts its tensors and its work."""
        if self.is_paused or func is torch.ops.prim.device.default:
            return func(*args, **(kwargs or {}))
        return super().__torch_dispatch__(func, types, args, kwargs)

    def ignore(self, tensors: Iterable[torch.Tensor]) -> None:
        """Ignores some tensors and their views, which must live as long as the tracker is active."""
        self._ignored |= {tensor.untyped_storage()._cdata for tensor in tensors}

    @contextmanager
    def ignoring(self, tensors: Iterable[torch.Tensor]) -> Iterator[None]:
        """Ignores some tensors and their views in the block."""
        added = {tensor.untyped_storage()._cdata for tensor in tensors} - self._ignored
        self._ignored |= added
        try:
            yield
        finally:
            self._ignored -= added

    def is_ignored(self, tensor: torch.Tensor) -> bool:
        """Returns whether a tensor shares its storage with an ignored one."""
        return tensor.untyped_storage()._cdata in self._ignored

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Counts nothing in the block."""
        before, self.is_paused = self.is_paused, True
        try:
            yield
        finally:
            self.is_paused = before

    def note_peak(self, live_bytes: int) -> None:
        """Notes a peak of live bytes, of a call that is not run again."""
        with self.window():
            self._raise_to(live_bytes)

    def note_live(self) -> None:
        """Counts what is alive now for the current part of the work, whichever part created it."""
        self._raise_to(self.live_bytes)

    def _is_activation(self, tensor: torch.Tensor) -> bool:
        # The pipeline's config-only components hold tensors of no device at all.
        if not isinstance(tensor, FakeTensor) and tensor.is_meta:
            return False
        return not self.is_ignored(tensor)

    def _count(self, func: Any, args: tuple[Any, ...], result: Any) -> int:
        """Counts an operation's work and returns its workspace, bytes."""
        operation = func.overloadpacket
        kind = _KINDS.get(operation)
        if kind is None:
            self._count_small(func, args, result)
            return 0
        self.work.kernels += 1
        # torch has no formula for attention on a CPU.
        flops = attention_flops(*args[:3]) if kind == "attention" else flop_registry[operation](*args, out_val=result)
        if kind == "matmul" and self.in_attention:
            kind = "attention"
        setattr(self.work, kind, getattr(self.work, kind) + flops)
        if kind != "conv":
            return 0
        if self._has_workspace:
            return _layout_copies(args[0], args[1], result)
        self.workspace_peak_bytes = max(self.workspace_peak_bytes, self.live_bytes + _blocked_copies(args[0], result))
        return 0

    def _count_small(self, func: Any, args: tuple[Any, ...], result: Any) -> None:
        if _moves_data(func):
            self.work.kernels += 1
            written = _bytes_of((result,))
            self.work.moved_bytes += _bytes_of(args) + written if written >= LARGE_BYTES else 0


@cache
def _moves_data(func: Any) -> bool:
    """Returns whether an operation reads or writes elements: not a view of its input, nor memory that it only takes."""
    if func.overloadpacket in _FREE or not isinstance(func, torch._ops.OpOverload):
        return False
    aliases = [returned.alias_info for returned in func._schema.returns]
    return not any(alias is not None and not alias.is_write for alias in aliases)


def _bytes_of(values: Iterable[Any]) -> int:
    tensors = (leaf for value in values for leaf in (value if isinstance(value, list | tuple) else (value,)))
    return sum(leaf.numel() * leaf.element_size() for leaf in tensors if isinstance(leaf, torch.Tensor))


def _layout_copies(*tensors: torch.Tensor) -> int:
    # cuDNN's half-precision kernels work on channels-last copies of all that they read and write: profilers show two
    # `nchwToNhwcKernel` (input, weight) and one `nhwcToNchwKernel` (result) for each convolution. Those of float32
    # write their result as it is wanted, and published figures of float32 VAEs show no copies.
    first = tensors[0]
    if first.dim() not in CHANNELS_LAST_DIMENSIONS or first.element_size() != HALF_BYTES:
        return 0
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _blocked_copies(given: torch.Tensor, result: torch.Tensor) -> int:
    # oneDNN works on blocks of channels: on a copy of its input first, then from its sums, in float32, to the result.
    return max(given.numel() * given.element_size(), result.numel() * FLOAT32_BYTES)


def attention_flops(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> int:
    """Returns the operations of attention proper: scores, and the sum of the values that they weigh."""
    batch = prod(query.shape[:-2])  # heads that share keys and values compute with them as if they were their own
    return int(sdpa_flop_count(*((batch, 1, *one.shape[-2:]) for one in (query, key, value))))


_FREE = {aten._unsafe_view, aten.empty, aten.empty_like, aten.empty_strided, aten.new_empty, aten.new_empty_strided}
_KINDS: dict[Any, Literal["matmul", "conv", "attention"]] = {
    aten.mm: "matmul",
    aten.addmm: "matmul",
    aten.bmm: "matmul",
    aten.baddbmm: "matmul",
    aten.convolution: "conv",
    aten._scaled_dot_product_flash_attention_for_cpu: "attention",
}
