"""Compiled blocks: refused where nothing could be compiled, and asked of diffusers where it can."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from diffusers import CogVideoXTransformer3DModel, WanTransformer3DModel

from tests.tiny.wan import sizes
from vgpipe.errors import ConfigError
from vgpipe.models.base import Settings
from vgpipe.models.pipeline import compiled, exactness, memory_options


def checkpoint_of(component_class):
    return SimpleNamespace(component_class=lambda _component: component_class)


def test_it_is_refused_without_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"memory\.compile=true: .*CUDA, and there is none"):
        compiled.check(checkpoint_of(WanTransformer3DModel), "transformer")


def test_it_is_refused_of_a_class_that_names_no_blocks(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    compiled.check(checkpoint_of(WanTransformer3DModel), "transformer")
    with pytest.raises(ConfigError, match="names no blocks of transformer, a CogVideoXTransformer3DModel"):
        compiled.check(checkpoint_of(CogVideoXTransformer3DModel), "transformer")


def test_every_block_of_a_loaded_denoiser_is_compiled_when_it_is_called():
    module = WanTransformer3DModel(**sizes())
    memory_options.configure_denoiser(module, "transformer", Settings(compile=True))
    assert all(block._compiled_call_impl is not None for block in module.blocks)
    plain = WanTransformer3DModel(**sizes())
    memory_options.configure_denoiser(plain, "transformer", Settings())
    assert all(block._compiled_call_impl is None for block in plain.blocks)


def test_it_is_part_of_what_names_a_denoiser_and_only_where_it_is_set():
    assert exactness.marks(Settings(compile=True), exactness.DENOISERS) == {"compile": True}
    assert exactness.marks(Settings(), exactness.DENOISERS) == {}


def test_a_run_on_a_cpu_says_what_it_needs(vgpipe, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ran = vgpipe("clip.prompt=a red circle", "memory.compile=true")
    assert ran.code == 2 and "memory.compile=true: compiles for a GPU with CUDA" in ran.err
