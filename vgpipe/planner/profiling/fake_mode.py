"""Decides for each operation whether it computes or only sizes its result.

A model's control flow needs the values of masks, lengths and indices, which are small and are computed. Everything that
depends on a weight is fake.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

GROWING = (torch.ops.aten.repeat.default, torch.ops.aten.mm.default, torch.ops.aten.bmm.default)
"""Operations whose result may be far larger than their inputs."""
KNOWN_FLOATS, KNOWN_INTEGERS = 1 << 20, 1 << 22


class FakeRouting(TorchDispatchMode):
    """Makes the tensors of a model's run fake, except those whose values its control flow may need.

    It must be entered before the counter of live tensors, which then counts fake ones too.

    Attributes:
        fake_mode: creates the fake tensors.
        active: whether a model runs; the pipeline around it computes on real tensors.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fake_mode = FakeTensorMode(allow_non_fake_inputs=True, allow_fallback_kernels=False)
        self.active = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operation."""
        kwargs = kwargs or {}
        given = _tensors(args, kwargs)
        if not self.active or func is torch.ops.prim.device.default:
            return func(*args, **kwargs)
        has_fakes = any(isinstance(tensor, FakeTensor) for tensor in given)
        if given and not has_fakes and func not in GROWING and _is_small(given):
            return func(*args, **kwargs)
        if has_fakes and func is torch.ops.aten.index.Tensor:
            args = (args[0], [position for index in args[1] for position in _positions(index)], *args[2:])
        with self.fake_mode:
            result = func(*args, **kwargs)
        if not has_fakes and isinstance(result, FakeTensor) and is_known(result):
            return func(*args, **kwargs)
        return result


def is_known(tensor: torch.Tensor) -> bool:
    """Returns whether a tensor that depends on no weight is small enough to compute its values."""
    if tensor.is_floating_point() or tensor.is_complex():
        return tensor.numel() <= KNOWN_FLOATS
    return tensor.numel() <= KNOWN_INTEGERS


def _tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    found = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += [one for one in value if isinstance(one, torch.Tensor)]
    return found


def _is_small(tensors: list[torch.Tensor]) -> bool:
    try:
        numel = torch.broadcast_shapes(*(tensor.shape for tensor in tensors)).numel()
    except RuntimeError:  # a matrix product, a join
        numel = sum(tensor.numel() for tensor in tensors)
    return numel <= KNOWN_INTEGERS


def _positions(index: Any) -> list[Any]:
    # A fake tensor's size after a mask is unknown; that after positions is known.
    if isinstance(index, torch.Tensor) and not isinstance(index, FakeTensor) and index.dtype == torch.bool:
        return list(index.nonzero(as_tuple=True))
    return [index]
