"""A weight file is known by its header: which component it is, of which model, and what takes it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch

from tests.tiny import file_layouts as layouts
from vgpipe.errors import LoadError, ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.single_file import expert_named
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.weights.load_component import load_component

ONE = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
TWICE = f"{{{ONE},{ONE}}}".encode()


def whole(folder: Path, path: Path, *, is_scaled: bool = False) -> Path:
    """A checkpoint in one file, as ComfyUI saves it."""
    found = {}
    for component, layout, prefix in (
        ("transformer", layouts.wan, "model.diffusion_model."),
        ("text_encoder", layouts.without_tied, "text_encoders.umt5xxl.transformer."),
        ("vae", dict, "vae."),
    ):
        tensors = layout(layouts.tensors_of(folder, component))
        if is_scaled and component != "vae":
            tensors = layouts.scaled(tensors)[0] | {"scaled_fp8": torch.zeros(2, dtype=layouts.FP8)}
        found |= layouts.with_prefix(prefix, tensors)
    return layouts.write(path, found | {"text_encoders.umt5xxl.spiece_model": torch.zeros(4, dtype=torch.uint8)})


def opened(folder: Path, file: Path, **others: Origin):
    return open_checkpoint(Origin(str(folder), file=str(file)), others)


@pytest.mark.parametrize("is_scaled", [False, True])
def test_a_whole_checkpoint_takes_the_place_of_all_that_it_holds(tiny_wan, tmp_path, is_scaled):
    checkpoint = opened(tiny_wan, whole(tiny_wan, tmp_path / "all.safetensors", is_scaled=is_scaled))
    checkpoint.require(["transformer", "text_encoder", "vae", "tokenizer", "scheduler"])
    assert checkpoint.source("tokenizer").file is None
    for component, layout in (("transformer", layouts.wan), ("text_encoder", dict), ("vae", None)):
        have = load_component(checkpoint, component, Settings(), "cpu").state_dict()
        meant = load_component(open_checkpoint(Origin(str(tiny_wan))), component, Settings(), "cpu").state_dict()
        if is_scaled and layout is not None:
            named = dict(zip(meant, layout(meant), strict=True))  # which are scaled follows from the file's own names
            values = layouts.scaled(layouts.without_tied(layout(meant)))[1]
            meant = {name: values.get(named[name], meant[name]) for name in meant}
        assert all(torch.equal(have[name], meant[name]) for name in meant if "embed_tokens" not in name), component


def test_what_is_named_for_a_component_goes_before_the_file(tiny_wan, tmp_path):
    vae = layouts.write(tmp_path / "vae.safetensors", layouts.tensors_of(tiny_wan, "vae"))
    checkpoint = opened(tiny_wan, whole(tiny_wan, tmp_path / "all.safetensors"), vae=Origin(str(vae)))
    assert checkpoint.source("vae").file == "vae.safetensors"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"txt_in.individual_token_refiner.a": (1,), "double_blocks.0.a": (1,)}, r"HunyuanVideo .* -> model=hunyuan"),
        ({"blocks.39.self_attn.q.weight": (1,), "patch_embedding.weight": (5120, 16, 1, 2, 2)},
         r"Wan transformer \(40 layers, 5,120 wide, 16 channels in\).*model=wan21_t2v_14b.* or model=wan22_t2v_a14b"),
        ({"blocks.29.attn.qkv_x.weight": (1,)}, "a Mochi transformer"),
        ({"lora_unet_a.lora_down.weight": (1,)}, r"LoRA.*model\.loras="),
        ({"decoder.up.0.block.0.conv1.weight": (1,)}, "Stable Diffusion VAE, and .* takes AutoencoderKLWan as vae"),
        ({"what.is.this": (1,)}, "names are of no known model"),
    ],
)  # fmt: skip
def test_a_file_of_another_model_is_refused_by_name(tiny_wan, tmp_path, names, told):
    tensors = {name: torch.empty(shape, dtype=torch.uint8) for name, shape in names.items()}
    file = layouts.write(tmp_path / "other.safetensors", tensors)
    with pytest.raises(ModelError, match=told):
        opened(tiny_wan, file).require(["transformer"])


def test_a_component_of_another_kind_or_size_is_refused(tiny_wan, tmp_path):
    file = layouts.write(tmp_path / "x.safetensors", layouts.ltx(layouts.tensors_of(tiny_wan, "vae")))
    bigger = {"blocks.7.self_attn.q.weight": torch.zeros(1), "patch_embedding.weight": torch.zeros(24, 16, 1, 2, 2)}
    layouts.write(tmp_path / "bigger.safetensors", bigger)
    for name, told in (
        ("x", "VAE, and the checkpoint takes WanTr"),
        ("bigger", r"\(8 layers.*checkpoint's has 2 layers"),
    ):
        with pytest.raises((ModelError, LoadError), match=told):
            opened_as = {"transformer": Origin(str(tmp_path / f"{name}.safetensors"))}
            open_checkpoint(Origin(str(tiny_wan)), opened_as).require(["transformer"])
    assert file.is_file()


@pytest.mark.parametrize(
    ("name", "expert"),
    [
        ("wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors", "transformer"),
        ("Wan2_2-T2V-A14B-LOW_fp8.safetensors", "transformer_2"),
        ("wan2.2-lownoise-Q4.gguf", "transformer_2"),
        ("high_noise_model.safetensors", "transformer"),
        ("slow_motion.safetensors", None),
        ("wan.safetensors", None),
    ],
)
def test_an_expert_is_known_by_the_files_name(name, expert):
    assert expert_named(name) == expert


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.safetensors", b"", "has no header"),
        ("x.safetensors", struct.pack("<Q", 1 << 40) + b"{}", "has no header"),
        ("x.safetensors", struct.pack("<Q", 40) + b'{"a":{"dtype":"F32","shape":[4],"data_of', "not a safetensors"),
        ("x.safetensors", struct.pack("<Q", len(TWICE)) + TWICE + b"\0" * 8, "names a tensor twice"),
        ("x.gguf", b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "announces"),
        ("x.pt", b"PK\3\4", "pickled"),
    ],
)
def test_a_hostile_file_is_refused(tiny_wan, tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=told):
        opened(tiny_wan, tmp_path / name)
