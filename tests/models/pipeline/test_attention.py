"""Attention backends: what a denoiser or this machine cannot do is refused before anything is loaded."""

from __future__ import annotations

import importlib.metadata
import importlib.util

import pytest
import torch

from tests import tiny
from tests.models.driven import Case, drive
from vgpipe.errors import ConfigError
from vgpipe.models.base import Settings
from vgpipe.models.pipeline import attention

CASE = Case("a small red circle", "blue", 3, 3.0, num_inference_steps=2, width=32, height=32, num_frames=9)


@pytest.fixture
def unet(tmp_path):
    return tiny.build("text_to_video_ms", tmp_path / "model")


def asking(wanted: str, **others) -> Settings:
    return Settings(max_sequence_length=16, attention=wanted, **others)


@pytest.fixture
def packages(monkeypatch):
    """Pretends that flash-attn and sageattention are installed, in a given version."""

    def pretend(version: str) -> None:
        find, tell = importlib.util.find_spec, importlib.metadata.version
        names = {"flash_attn", "sageattention"}
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in names else find(name))
        monkeypatch.setattr(
            importlib.metadata,
            "version",
            lambda name: version if name in ("flash-attn", "sageattention") else tell(name),
        )

    return pretend


@pytest.mark.parametrize(("wanted", "package"), [("flash", "flash-attn>=2.6.3"), ("sage", "sageattention>=2.1.1")])
def test_without_the_package_it_is_refused(tiny_wan, monkeypatch, wanted, package):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    told = rf'^memory\.attention={wanted}: needs the package .* -> pip install "{package}", or memory\.attention=sdpa$'
    with pytest.raises(ConfigError, match=told):
        drive("wan", tiny_wan, asking(wanted))


def test_a_package_that_is_too_old_is_told(tiny_wan, packages):
    packages("1.0.0")
    with pytest.raises(ConfigError, match=r"memory\.attention=sage: needs sageattention 2\.1\.1 or newer, and 1\.0\.0"):
        drive("wan", tiny_wan, asking("sage"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_refused(tiny_wan, packages):
    packages("99.0")
    with pytest.raises(ConfigError, match=r"memory\.attention=flash: needs a GPU with CUDA, and there is none -> "):
        drive("wan", tiny_wan, asking("flash"))


def test_float32_is_refused(tiny_wan, packages, monkeypatch):
    packages("99.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ConfigError, match=r"memory\.attention=flash: computes in 16 bits only, .* float32 -> "):
        drive("wan", tiny_wan, asking("flash"))
    drive("wan", tiny_wan, asking("flash", dtype="bfloat16"))  # nothing else stands in its way


def test_a_denoiser_whose_attention_is_torchs_own_is_refused(tmp_path, packages, monkeypatch):
    packages("99.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    folder = tiny.build("cogvideox_2b", tmp_path / "model")
    with pytest.raises(ConfigError, match=r"flash: .* of transformer, a CogVideoXTransformer3DModel, with torch's own"):
        drive("cogvideox", folder, asking("flash", dtype="bfloat16"))


def test_slices_are_of_unets(tiny_wan, tmp_path):
    told = r"^memory\.attention=sliced: transformer, a WanTransformer3DModel, has no slices .* -> memory\.attention="
    with pytest.raises(ConfigError, match=told):
        drive("wan", tiny_wan, asking("sliced"))
    folder = tiny.build("animatediff_sd15", tmp_path / "model")
    with pytest.raises(ConfigError, match=r"^memory\.attention=sliced: a U-Net with motion modules has no slices"):
        drive("animatediff", folder, asking("sliced"))


def test_sliced_attention_is_the_stock_pipelines(unet):
    from diffusers import TextToVideoSDPipeline
    from diffusers.models.attention_processor import SlicedAttnProcessor

    sliced = drive("text_to_video_sd", unet, asking("sliced"))
    latents, _ = sliced.latents(CASE)
    module = sliced.of(("unet",))["unet"]
    assert any(isinstance(one, SlicedAttnProcessor) for one in module.attn_processors.values())
    stock = TextToVideoSDPipeline.from_pretrained(unet, torch_dtype=torch.float32)
    stock.enable_attention_slicing("auto")
    expected = stock(
        CASE.prompt, negative_prompt=CASE.negative_prompt, width=32, height=32, num_frames=9, num_inference_steps=2,
        guidance_scale=3.0, generator=torch.Generator().manual_seed(3), output_type="latent",
    ).frames  # fmt: skip
    assert torch.equal(latents, expected)
    plain, _ = drive("text_to_video_sd", unet, asking("sdpa")).latents(CASE)
    assert torch.allclose(latents, plain, atol=1e-3)


def test_a_backend_is_that_of_its_module_alone(tiny_wan):
    from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

    module = drive("wan", tiny_wan).of(("transformer",))["transformer"]
    before = _AttentionBackendRegistry.get_active_backend()[0]
    attention.PACKAGES["_native_math"] = ("torch", "torch", "2.0")  # one that is always there
    try:
        attention.apply(module, "_native_math", "transformer")
    finally:
        del attention.PACKAGES["_native_math"]
    assert module.blocks[0].attn1.processor._attention_backend is AttentionBackendName._NATIVE_MATH
    assert _AttentionBackendRegistry.get_active_backend()[0] == before
