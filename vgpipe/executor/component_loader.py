"""Loads parts as the clip at hand has them stored, and puts them where its stage's strategy says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vgpipe.memory.placement import place
from vgpipe.memory.residency import Residency
from vgpipe.memory.strategies import Placement, role_by_name
from vgpipe.models.base import Family
from vgpipe.models.weights.load_component import load_component
from vgpipe.models.weights.quantize import MADE_ON_DEVICE
from vgpipe.store.digest import digest_of


class Loader:
    """Loads the parts of one model, for whichever family drives the clip at hand.

    Args:
        family: drives the model as it was asked for.
        device: torch device string.
        stream: whether offloaded weights are fetched ahead.
        offload_dir: where weights go that wait in files; made if need be.
    """

    def __init__(self, family: Family, device: str, *, stream: bool, offload_dir: Path):
        self._family, self._device = family, device
        self._stream, self._offload_dir = stream, offload_dir
        self._stored: dict[str, str] = {}

    def load(self, part: str, placement: Placement) -> Any:
        """Loads one part, as `Residency` asks for it.

        Raises:
            ModelError: where it cannot be loaded.
        """
        family = self._family

        def load(name: str) -> Any:
            # Some ways to store weights are made on the device, and go to RAM from there where they can.
            is_made_there = family.settings.quantization.get(name) in MADE_ON_DEVICE
            device = self._device if placement is Placement.WHOLE or is_made_there else "cpu"
            return load_component(family.checkpoint, name, family.settings, device)

        module = family.load(part, load)
        self._stored[part] = _stored(family, part)
        role = role_by_name(part)
        return place(module, placement, role, self._device, stream=self._stream, offload_dir=self._offload_dir)

    def serve(self, family: Family, parts: Sequence[str], residency: Residency) -> None:
        """Has the next parts loaded for another family; those that it has stored otherwise are forgotten."""
        self._family = family
        residency.forget(*(part for part in parts if self._stored.get(part, "") not in ("", _stored(family, part))))


def _stored(family: Family, part: str) -> str:
    return digest_of({"part": dict(family.identity(part))})
