"""How parts are loaded for where their weights will be."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from vgpipe.executor import component_loader
from vgpipe.memory.strategies import Placement


@pytest.mark.parametrize(
    ("device", "placement", "loaded_to", "in_files"),
    [
        ("cuda", Placement.WHOLE, "cuda", False),
        ("cuda", Placement.LEAVES, "cpu", False),
        ("cuda", Placement.DISK, "cpu", True),
        ("cpu", Placement.LEAVES, "cpu", True),
        ("cpu", Placement.WHOLE, "cpu", False),
    ],
)
def test_what_waits_in_files_is_converted_in_files(monkeypatch, tmp_path, device, placement, loaded_to, in_files):
    calls: list[tuple[str, Path | None]] = []
    family = SimpleNamespace(
        checkpoint=None,
        settings=SimpleNamespace(quantization={}),
        load=lambda part, load_component: load_component(part),
    )

    def load_component(checkpoint, component, settings, device, convert_in):
        calls.append((device, convert_in))
        return object()  # no module, so that nothing is placed

    monkeypatch.setattr(component_loader, "load_component", load_component)
    loader = component_loader.Loader(device=device, stream=False, offload_dir=tmp_path)
    loader.load(family, "transformer", placement)
    assert calls == [(loaded_to, tmp_path if in_files else None)]
