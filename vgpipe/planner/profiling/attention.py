"""Replaces attention by what it takes on the kernels that a profile assumes."""

from __future__ import annotations

from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode

from vgpipe.planner.profile_records import Kernels
from vgpipe.planner.profiling.memory_mode import Tracker, attention_flops


class Attention(TorchFunctionMode):
    """Allocates what attention allocates on a device: nothing quadratic if its kernels are fused.

    On a CPU, torch itself chooses, and its own kernels run.
    """

    def __init__(self, kernels: Kernels, tracker: Tracker):
        super().__init__()
        self._kernels, self._tracker = kernels, tracker

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs a function; replaces attention on fake tensors."""
        kwargs = kwargs or {}
        if func is not torch.nn.functional.scaled_dot_product_attention or not _is_fake(args, kwargs):
            return func(*args, **kwargs)
        given = _bound(*args, **kwargs)
        if self._kernels == "cuda":
            return self._fused(given)
        self._tracker.in_attention = True
        try:
            return _by_steps(given) if self._kernels == "cuda_math" else func(*args, **kwargs)
        finally:
            self._tracker.in_attention = False

    def _fused(self, given: dict[str, Any]) -> torch.Tensor:
        query, value = given["query"], given["value"]
        mask = _bias(given["attn_mask"], query.dtype)
        out_BSHD = query.new_empty((*query.shape[:-3], query.shape[-2], query.shape[-3], value.shape[-1]))
        log_sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        self._tracker.work.kernels += 1
        self._tracker.work.attention += attention_flops(query, given["key"], value)
        del mask, log_sums
        return out_BSHD.transpose(-3, -2)


def _bound(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> dict[str, Any]:
    return {
        "query": query, "key": key, "value": value, "attn_mask": attn_mask, "dropout_p": dropout_p,
        "is_causal": is_causal, "scale": scale, "enable_gqa": enable_gqa,
    }  # fmt: skip


def _by_steps(given: dict[str, Any]) -> Any:
    mask = _bias(given["attn_mask"], given["query"].dtype)
    steps = torch.ops.aten._scaled_dot_product_attention_math
    return steps(
        given["query"], given["key"], given["value"], mask, 0.0, given["is_causal"],
        scale=given["scale"], enable_gqa=given["enable_gqa"],
    )[0]  # fmt: skip


def _bias(mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    # Kernels take a mask as a bias of the scores.
    return mask.to(dtype) if mask is not None and mask.dtype == torch.bool else mask


def _is_fake(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    query = args[0] if args else kwargs.get("query")
    return isinstance(query, FakeTensor)
