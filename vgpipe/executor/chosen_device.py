"""The device that a worker uses."""

from __future__ import annotations

import logging

from vgpipe.config.hardware_schema import HardwareConfig
from vgpipe.hardware import device_of, pick_device, placement
from vgpipe.memory.host_allocator import return_large_tensors

log = logging.getLogger(__name__)


def chosen_device(hardware: HardwareConfig) -> str:
    """Returns the torch device string of the device to use, and logs what it is.

    Args:
        hardware: names it, and limits its memory.

    Raises:
        ConfigError: where a named device is not there.
    """
    device = pick_device(hardware.device)
    limits = {"memory_gb": hardware.memory_gb, "memory_limit_gb": hardware.memory_limit_gb}
    log.info("%s", placement(device_of(device), name=hardware.name, **limits))
    if device == "cpu" and hardware.memory_limit_gb is not None:  # it costs page faults, so only where RAM counts
        return_large_tensors()
    return device
