"""A config that builds far more than its weights is stopped while it is built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.weights import bounded_build
from vgpipe.models.weights.bounded_build import bounded, built_on_meta
from vgpipe.models.weights.load_component import load_component


def changed(folder: Path, target: Path, component: str, **changes: object) -> Checkpoint:
    copy = Path(shutil.copytree(folder, target / "model"))
    path = copy / component / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return Checkpoint(copy)


@pytest.mark.parametrize("component", ["text_encoder", "transformer", "vae"])
def test_a_module_is_built_without_memory(tiny_wan, component):
    module = built_on_meta(Checkpoint(tiny_wan), component, torch.bfloat16)
    assert {one.device.type for one in module.parameters()} == {"meta"}
    assert torch.get_default_dtype() is torch.float32


@pytest.mark.parametrize(
    ("component", "changes"),
    [
        ("transformer", {"num_layers": 100, "ffn_dim": 100_000}),
        ("transformer", {"ffn_dim": 10**7}),
        ("transformer", {"rope_max_seq_len": 10**7}),
        ("text_encoder", {"vocab_size": 10**7}),
        ("vae", {"base_dim": 100_000}),
    ],
)
def test_what_is_larger_than_its_weights_is_refused_before_it_takes_memory(tiny_wan, tmp_path, component, changes):
    checkpoint = changed(tiny_wan, tmp_path, component, **changes)
    with pytest.raises(
        ModelError, match=rf"config of {component} (builds|makes) .* weights have [\d,]+ bytes -> choose"
    ):
        load_component(checkpoint, component, Settings(), "cpu")


@pytest.mark.parametrize(("limit", "told"), [("MAX_MODULES", "layers"), ("MAX_TENSORS", "tensors")])
def test_so_many_parts_are_built_and_no_more(tiny_wan, monkeypatch, limit, told):
    monkeypatch.setattr(bounded_build, limit, 20)
    with pytest.raises(ModelError, match=f"builds more than 20 {told}"):
        built_on_meta(Checkpoint(tiny_wan), "transformer", torch.float32)


def test_loading_itself_is_bounded_where_a_class_cannot_be_built_on_meta(tiny_wan, monkeypatch):
    monkeypatch.setattr(bounded_build, "MAX_TENSORS", 20)
    monkeypatch.setattr(bounded_build, "built_on_meta", lambda *_: torch.zeros(1).view(3))
    with pytest.raises(ModelError, match="builds more than 20 tensors"):
        load_component(Checkpoint(tiny_wan), "transformer", Settings(), "cpu")


def test_nothing_is_counted_afterwards(tiny_wan):
    with bounded(Checkpoint(tiny_wan), "vae"):
        pass
    assert not torch.nn.modules.module._global_parameter_registration_hooks
