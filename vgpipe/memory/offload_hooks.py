"""Has denoisers of one stage take turns on the device, with the hooks of accelerate that stock model offload uses.

Each comes to the device at its first call and stays until the next one's; only then does it go back to RAM. Where one
denoiser does the early steps of a clip and another the rest, that is one swap a clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def wait(module: Any, device: str) -> Any:
    """Puts a component into RAM, from where its own `forward` fetches it.

    Args:
        module: changed in place; hooks of accelerate that loading left on it go.
        device: torch device string where it computes.
    """
    from accelerate import cpu_offload_with_hook
    from accelerate.hooks import remove_hook_from_module

    # Weights that were quantised while they were loaded keep a hook that would hide this one from the pipeline.
    remove_hook_from_module(module, recurse=True)
    cpu_offload_with_hook(module, _with_index(device))
    return module


def link(modules: Sequence[Any]) -> None:
    """Has each of some components make way when the next one is called, and the last one when the first is.

    Args:
        modules: in the order of their turns; those that do not wait in RAM are passed over.
    """
    from accelerate.hooks import UserCpuOffloadHook

    waiting = [module for module in modules if _hook(module) is not None]
    for module, before in zip(waiting, [*waiting[-1:], *waiting[:-1]], strict=True):
        alone = module is before
        _hook(module).prev_module_hook = None if alone else UserCpuOffloadHook(before, _hook(before))


def leave(module: Any) -> None:
    """Takes the hook off a component, so that nothing refers to it any more; the others have to be linked anew."""
    if _hook(module) is not None:
        from accelerate.hooks import remove_hook_from_module

        remove_hook_from_module(module)


def _hook(module: Any) -> Any:
    hook = getattr(module, "_hf_hook", None)
    if hook is None:
        return None
    from accelerate.hooks import CpuOffload

    return hook if isinstance(hook, CpuOffload) else None


def _with_index(device: str) -> Any:
    """Returns a device as tensors name it: `cuda` is `cuda:0`, which the hook would not take for the same."""
    import torch

    return torch.empty(0, device=device).device
