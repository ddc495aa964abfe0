"""Lists NVIDIA's cards as one line of JSON, by the driver's library NVML.

Run as a script, in a process of its own: a driver can hang. It imports nothing of vgpipe, so that it starts fast.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Writes a list of cards to stdout: the fields of `vgpipe.hardware.nvml.Card`, null for what a card withholds."""
    sys.stdout.write(json.dumps(_cards()) + "\n")


def _cards() -> list[dict[str, Any]]:
    import pynvml

    def read(ask: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return ask(*arguments)
        except pynvml.NVMLError:
            return None

    pynvml.nvmlInit()
    driver = read(pynvml.nvmlSystemGetDriverVersion)
    cards = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = read(pynvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:  # a card that has fallen off the bus
            continue
        memory = read(pynvml.nvmlDeviceGetMemoryInfo, handle)
        card = {
            "index": index,
            "name": read(pynvml.nvmlDeviceGetName, handle),
            "uuid": read(pynvml.nvmlDeviceGetUUID, handle),
            "total_bytes": memory and memory.total,
            "free_bytes": memory and memory.free,
            "driver": driver,
            "pcie_generation": read(pynvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
            "pcie_width": read(pynvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
            "compute_capability": read(pynvml.nvmlDeviceGetCudaComputeCapability, handle),
        }
        cards.append(card)
    return cards


if __name__ == "__main__":
    main()
