"""Detects this machine's devices and memory, and chooses the device of a run."""

from vgpipe.hardware.capability import Capable, supported_dtypes
from vgpipe.hardware.describe import describe
from vgpipe.hardware.detect import detect
from vgpipe.hardware.devices import device_of, free_memory_bytes, pick_device, placement
from vgpipe.hardware.records import Device, Machine, Pcie, TorchBuild

__all__ = [
    "Capable",
    "Device",
    "Machine",
    "Pcie",
    "TorchBuild",
    "describe",
    "detect",
    "device_of",
    "free_memory_bytes",
    "pick_device",
    "placement",
    "supported_dtypes",
]
