"""Loads parts as a family stores them, and puts them where the strategy of their stage says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.memory.placement import needs_files, place
from vgpipe.memory.strategies import Placement, role_by_name
from vgpipe.models.base import Family
from vgpipe.models.weights.load_component import load_component
from vgpipe.models.weights.quantize import MADE_ON_DEVICE


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """Loads the parts of one model.

    Attributes:
        device: torch device string.
        stream: whether offloaded weights are prefetched.
        offload_dir: folder for the files of offloaded weights; made if need be.
    """

    device: str
    stream: bool
    offload_dir: Path

    def load(self, family: Family, part: str, placement: Placement) -> Any:
        """Loads one part, as `Residency` asks for it.

        Args:
            family: drives the model, and says how its weights are stored.
            part: its name.
            placement: where its weights are while its stage runs.

        Raises:
            ModelError: where it cannot be loaded.
        """

        def load(component: str) -> Any:
            # Some ways to store weights are made on the device, and go to RAM from there where they can.
            is_made_there = family.settings.quantization.get(component) in MADE_ON_DEVICE
            device = self.device if placement is Placement.WHOLE or is_made_there else "cpu"
            copies = self.offload_dir if device == "cpu" and needs_files(placement, self.device) else None
            return load_component(family.checkpoint, component, family.settings, device, copies)

        module = family.load(part, load)
        role = role_by_name(part)
        return place(module, placement, role, self.device, stream=self.stream, offload_dir=self.offload_dir)
