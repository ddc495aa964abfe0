"""Runs one of the modules that are built alike, as a denoiser's blocks are; the others repeat what it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import torch

from vgpipe.planner.profiling.call_cache import PLAIN, CallCache, Known
from vgpipe.planner.profiling.recorder import Recorder

LISTS = (torch.nn.ModuleList, torch.nn.Sequential)
OF_EVERY_MODULE = frozenset(vars(torch.nn.Module())) - {"training"}


def share_runs(module: torch.nn.Module, recorder: Recorder, path: str = "") -> None:
    """Makes the items of a list that are built alike share one run for each kind of input.

    Args:
        module: a component or a part of it; the items of its lists are changed in place.
        recorder: records its calls.
        path: of the part, with a dot at its end.
    """
    for name, child in module.named_children():
        if not isinstance(child, LISTS):
            share_runs(child, recorder, f"{path}{name}.")
            continue
        for items in _alike(child.named_children()):
            known: Known = {}
            for place, item in items:
                inner = f"{path}{name}.{place}."
                if len(items) > 1 and any(item.children()):
                    item.forward = CallCache(recorder, item.forward, path=inner, known=known)
                else:
                    share_runs(item, recorder, inner)


def _alike(items: Iterable[tuple[str, torch.nn.Module]]) -> Iterable[list[tuple[str, torch.nn.Module]]]:
    groups: dict[Hashable, list[tuple[str, torch.nn.Module]]] = defaultdict(list)
    for place, item in items:
        groups[_build(item)].append((place, item))
    return groups.values()


def _build(module: torch.nn.Module) -> Hashable:
    """Returns what modules that run alike have in common: classes, settings and the layout of tensors."""
    tensors = (*module._parameters.items(), *module._buffers.items())
    return (
        type(module),
        _settings({name: value for name, value in vars(module).items() if name not in OF_EVERY_MODULE}),
        tuple((name, tensor if tensor is None else _layout(tensor)) for name, tensor in tensors),
        tuple((name, _build(child)) for name, child in module.named_children()),
    )


def _settings(values: Mapping[str, Any]) -> Hashable:
    return tuple((name, _setting(values[name])) for name in sorted(values))


def _setting(value: Any) -> Hashable:
    """Returns a setting by its value if that is plain; other objects are alike only where they are the same."""
    if isinstance(value, PLAIN):
        return type(value), value
    if isinstance(value, list | tuple):
        return tuple(map(_setting, value))
    if isinstance(value, torch.Tensor):
        return _layout(value)
    plain = getattr(value, "__dict__", None)
    if isinstance(value, type) or plain is None or not all(isinstance(one, PLAIN) for one in plain.values()):
        return id(value)
    return type(value), _settings(plain)


def _layout(tensor: torch.Tensor) -> Hashable:
    return tensor.dtype, tuple(tensor.shape), tuple(tensor.stride())
