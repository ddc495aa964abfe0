"""Alternates the denoisers of one stage on the device, by the hooks of accelerate that stock model offload uses.

Each comes to the device at its first call and stays until the next one's; only then does it return to RAM. Where one
denoiser does the early steps of a clip and another the rest, that is one swap per clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def hook(module: Any, device: str) -> Any:
    """Puts a component into RAM, from where its own `forward` fetches it.

    Args:
        module: changed in place; hooks of accelerate that loading left on it are removed.
        device: torch device string where it computes.
    """
    from accelerate import cpu_offload_with_hook
    from accelerate.hooks import remove_hook_from_module

    # Weights that were quantised while they were loaded keep a hook that would hide this one from the pipeline.
    remove_hook_from_module(module, recurse=True)
    cpu_offload_with_hook(module, _with_index(device))
    return module


def link(modules: Sequence[Any]) -> None:
    """Makes each of some components return to RAM when the next one is called, and the last one when the first is.

    Args:
        modules: in the order of their calls; those without a hook are skipped.
    """
    from accelerate.hooks import UserCpuOffloadHook

    hooked = [module for module in modules if _hook_of(module) is not None]
    for module, previous in zip(hooked, [*hooked[-1:], *hooked[:-1]], strict=True):
        is_alone = module is previous
        _hook_of(module).prev_module_hook = None if is_alone else UserCpuOffloadHook(previous, _hook_of(previous))


def unhook(module: Any) -> None:
    """Removes the hook from a component, so that nothing refers to it; the others have to be linked again."""
    if _hook_of(module) is not None:
        from accelerate.hooks import remove_hook_from_module

        remove_hook_from_module(module)


def _hook_of(module: Any) -> Any:
    found = getattr(module, "_hf_hook", None)
    if found is None:
        return None
    from accelerate.hooks import CpuOffload

    return found if isinstance(found, CpuOffload) else None


def _with_index(device: str) -> Any:
    """Returns a device as tensors name it: `cuda` is `cuda:0`, which the hook would not take for the same."""
    import torch

    return torch.empty(0, device=device).device
