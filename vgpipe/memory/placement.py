"""Puts the weights of a loaded component where they are while its stage runs, by diffusers' own group offloading."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from vgpipe.memory.strategies import Placement, Role

log = logging.getLogger(__name__)

STEPS = {
    Placement.WHOLE: (Placement.WHOLE,),
    Placement.ON_CALL: (Placement.ON_CALL, Placement.WHOLE),
    Placement.BLOCKS: (Placement.BLOCKS, Placement.LEAVES, Placement.WHOLE),
    Placement.LEAVES: (Placement.LEAVES, Placement.WHOLE),
    Placement.DISK: (Placement.DISK, Placement.LEAVES, Placement.WHOLE),
}
LEVELS = {Placement.BLOCKS: "block_level", Placement.LEAVES: "leaf_level", Placement.DISK: "leaf_level"}


def place(
    module: Any, placement: Placement, role: Role, device: str, *, stream: bool = False, offload_dir: Path | None = None
) -> Any:
    """Puts a component where a strategy wants it; where that is impossible, one step nearer to the device.

    On the CPU, RAM is the device: weights that would wait in RAM wait in files, and no components alternate.

    Args:
        module: what was loaded, on the CPU unless `placement` is whole; changed in place.
        placement: where its weights are to be.
        role: what it does; only a denoiser is called through its own `forward`, which block offloading needs.
        device: torch device string where it computes.
        stream: whether the next block or leaf is prefetched while one computes; only on CUDA and XPU. Takes as much
            pinned RAM as the weights.
        offload_dir: folder for files of offloaded weights; each component creates a folder of its own in it, deleted
            with the component. None where nothing may be written: what needs files then stays on the device.

    Returns:
        The module; a tokenizer, which is not a module, unchanged.

    Raises:
        StoreError: where the files cannot be written.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        return module
    for step in STEPS[placement]:
        obstacle = _obstacle(module, step, role, device, offload_dir)
        if obstacle is None:
            return _apply(module, step, device, stream=stream, offload_dir=offload_dir)
        log.info("%s: placement %s is impossible: %s", type(module).__name__, step.value, obstacle)
    return module


def move(module: Any, device: str) -> Any:
    """Moves a whole component; one that is not a module, or has 8-bit weights of bitsandbytes, stays where it is.

    Args:
        module: changed in place.
        device: torch device string.
    """
    import torch

    if not isinstance(module, torch.nn.Module) or _is_8bit(module):
        return module
    return module.to(device)


def _apply(module: Any, placement: Placement, device: str, *, stream: bool, offload_dir: Path | None) -> Any:
    if placement is Placement.WHOLE:
        return move(module, device)
    if placement is Placement.ON_CALL:
        from vgpipe.memory.offload_hooks import hook

        return hook(module, device)
    from vgpipe.memory.offloading import offload

    return offload(
        module,
        device,
        level=LEVELS[placement],
        # diffusers knows streams of accelerators; XPU's are as CUDA's, MPS has none.
        stream=stream and not device.startswith(("cpu", "mps")),
        offload_dir=offload_dir if needs_files(placement, device) else None,
    )


def needs_files(placement: Placement, device: str) -> bool:
    """Returns whether weights wait in files: they do on the CPU, where RAM is the device.

    Args:
        placement: where they are while their stage runs.
        device: torch device string where they compute.
    """
    return placement is Placement.DISK or (placement in LEVELS and device == "cpu")


def _obstacle(module: Any, placement: Placement, role: Role, device: str, offload_dir: Path | None) -> str | None:
    """Returns why a component cannot have a placement; None where it can."""
    if placement is Placement.WHOLE:
        return None
    if placement is Placement.ON_CALL:
        return _on_call_obstacle(module, device)
    if _is_8bit(module) or _is_4bit(module):
        return "bitsandbytes binds its weights to their layers"
    if not getattr(module, "_supports_group_offloading", True):
        return "diffusers does not support it for this class"
    if needs_files(placement, device):
        if offload_dir is None:
            return "its files need a folder"
        if any(_is_torchao(tensor) for tensor in module.parameters()):
            return "torchao's tensors cannot be written to files"
    if placement is Placement.BLOCKS:
        return _libraries_obstacle() if role is Role.DENOISER else "it is not called through its forward"
    if reads_weights_directly(module):
        return "its attention reads the weights of its layers directly"
    return _libraries_obstacle()


def reads_weights_directly(module: Any) -> bool:
    """Returns whether a component has attention that no hook of a layer sees: it cannot be offloaded leaf by leaf."""
    import torch

    return any(isinstance(each, torch.nn.MultiheadAttention) for each in module.modules())


def _on_call_obstacle(module: Any, device: str) -> str | None:
    if device == "cpu":
        return "RAM is the device"
    return "bitsandbytes binds its weights to the device" if _is_8bit(module) else None


def _libraries_obstacle() -> str | None:
    from vgpipe.memory.offloading import obstacle

    return obstacle()


def _is_8bit(module: Any) -> bool:
    return bool(getattr(module, "is_loaded_in_8bit", False))


def _is_4bit(module: Any) -> bool:
    return bool(getattr(module, "is_loaded_in_4bit", False))


def _is_torchao(tensor: Any) -> bool:
    return type(tensor).__module__.startswith("torchao.")
