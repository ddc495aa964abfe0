"""The state of diffusers' cache hooks as nested lists, numbers and tensors, and back.

A value that JSON has no form for is a list that begins with its kind: `["tuple", [...]]`, `["dict", [[key, value]]]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

REGISTRY, MANAGER, CACHE = "_diffusers_hook", "state_manager", "_state_cache"
WITHIN_A_CALL = frozenset(
    # first-block cache, MagCache, SeaCache
    ("head_block_output", "head_block_input", "gen_input", "gen_output", "und_output", "cached_und_output")
)
"""Attributes that are set and read within one call of a denoiser; what they hold between two is of no use."""
SEPARATOR = "|"


def current(denoisers: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state of all cache hooks.

    Args:
        denoisers: loaded modules by component.

    Returns:
        `component|hooked module|context` -> the attributes of its state; tensors are the hooks' own.
    """
    return {
        SEPARATOR.join((component, path, context)): _plain(_kept(state))
        for component, module in denoisers.items()
        for path, manager in _managers(module)
        for context, state in getattr(manager, CACHE).items()
    }


def restore(denoisers: Mapping[str, Any], saved: Mapping[str, Any], device: str) -> None:
    """Gives the cache hooks, which have not been called yet, the state that `current` gave.

    Args:
        denoisers: loaded modules by component, with the same cache.
        saved: what `current` gave; empty changes nothing.
        device: torch device string where they work.
    """
    managers = {
        (component, path): manager
        for component, module in denoisers.items()
        for path, manager in _managers(module)
        if saved
    }
    for name, attributes in saved.items():
        component, path, context = name.split(SEPARATOR)
        manager = managers[component, path]
        state = manager._state_cls(*manager._init_args, **manager._init_kwargs)
        for attribute, value in _live(attributes, device).items():
            setattr(state, attribute, value)
        getattr(manager, CACHE)[context] = state


def _managers(module: Any) -> Iterator[tuple[str, Any]]:
    """Yields the managers of hooks' state, each with the first module whose hook has it."""
    seen: set[int] = set()
    for path, part in module.named_modules():
        registry = vars(part).get(REGISTRY)
        for hook in registry.hooks.values() if registry is not None else ():
            manager = vars(hook).get(MANAGER)
            if manager is not None and id(manager) not in seen:
                seen.add(id(manager))
                yield path, manager


def _kept(state: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(state).items() if name not in WITHIN_A_CALL}


def _plain(value: Any) -> Any:
    import torch

    if isinstance(value, dict):
        return ["dict", [[_plain(key), _plain(one)] for key, one in value.items()]]
    if isinstance(value, tuple):
        return ["tuple", [_plain(one) for one in value]]
    if isinstance(value, list):
        return ["list", [_plain(one) for one in value]]
    if isinstance(value, torch.dtype):
        return ["dtype", str(value).removeprefix("torch.")]
    if isinstance(value, torch.device):
        return ["device", value.type]
    if value is None or isinstance(value, bool | int | float | str | torch.Tensor):
        return value
    raise TypeError(f"a step cache remembers a {type(value).__name__}, which cannot be saved")


def _live(value: Any, device: str) -> Any:
    import torch

    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "dict":
        return {_live(key, device): _live(one, device) for key, one in content}
    if kind == "dtype":
        return getattr(torch, content)
    if kind == "device":
        return torch.device("cpu" if content == "cpu" else device)
    return (tuple if kind == "tuple" else list)(_live(one, device) for one in content)
