"""Weights stored in 8 bits with scales are read as their products; other layouts are refused by name."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vgpipe.errors import ConfigError, LoadError, ModelError
from vgpipe.models.base import Settings
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.weights import quantize, scales
from vgpipe.models.weights.load_component import load_component

COMPONENTS = {"transformer": "diffusion_pytorch_model", "text_encoder": "model", "vae": "diffusion_pytorch_model"}
FP8 = torch.float8_e4m3fn


def per_tensor(weight):
    return (weight.abs().max() / 448).reshape(1)


def per_channel(weight):
    return weight.abs().flatten(1).amax(1).clamp(min=1e-9).reshape(-1, *[1] * (weight.ndim - 1)) / 448


def stored(weight, scale, kind=FP8):
    scaled = weight / scale
    return scaled.round().clamp(-127, 127).to(kind) if kind == torch.int8 else scaled.to(kind)


def rewrite(folder: Path, component: str, change) -> dict[str, torch.Tensor]:
    """Replaces a component's tensors; returns what they mean."""
    path = folder / component / f"{COMPONENTS[component]}.safetensors"
    files, meant = change(load_file(path))
    save_file({name: one.contiguous() for name, one in files.items()}, path, metadata={"format": "pt"})
    return meant


def scaled_as(suffix: str, scale_of, *, kind=FP8, marker=False, beside=()):
    def change(tensors):
        files, meant = {}, {}
        for name, one in tensors.items():
            meant[name] = files[name] = one.clone()
            if name.endswith(".weight") and one.ndim >= 2 and "embed" not in name and "shared" not in name:
                scale = scale_of(one)
                files[name] = stored(one, scale, kind)
                files[name.removesuffix(".weight") + suffix] = scale
                meant[name] = files[name].float() * scale
                files |= {name.removesuffix(".weight") + one: torch.ones(1) for one in beside}
        return ({**files, "scaled_fp8": torch.zeros(2, dtype=FP8)} if marker else files), meant

    return change


@pytest.fixture
def folder(tiny_wan: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_wan, tmp_path / "model")


def load(folder: Path, component: str, dtype="float32", **others: Origin):
    return load_component(open_checkpoint(Origin(str(folder)), others), component, Settings(dtype=dtype), "cpu")


def assert_holds(module, meant: dict[str, torch.Tensor]) -> None:
    have = module.state_dict()
    for name in set(have) & set(meant):
        assert torch.equal(have[name], meant[name].to(have[name].dtype)), name
    assert len(set(have) & set(meant)) > 5


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize(
    "change",
    [
        scaled_as(".scale_weight", per_tensor, marker=True, beside=(".scale_input",)),
        scaled_as(".weight_scale", per_channel, beside=(".input_scale",)),
        scaled_as(".weight_scale", per_channel, kind=torch.int8),
        scaled_as(".weight_scale_inv", per_tensor, kind=torch.float8_e5m2),
    ],
    ids=["comfyui", "per channel", "int8", "e5m2"],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_scales_are_applied_in_every_component(folder, component, change, dtype):
    meant = rewrite(folder, component, change)
    assert_holds(load(folder, component, dtype), meant)


def test_a_module_with_scales_is_the_one_that_the_library_reads_of_the_products(folder, tmp_path):
    plain = shutil.copytree(folder, tmp_path / "plain")
    for component in ("transformer", "text_encoder"):
        change = scaled_as(".scale_weight", per_tensor)
        meant = rewrite(folder, component, change)
        rewrite(plain, component, lambda _, meant=meant: (meant, meant))
        ours, theirs = load(folder, component, "bfloat16"), load(plain, component, "bfloat16")
        assert not ours.training
        for (name, one), (_, other) in zip(
            (*ours.named_parameters(), *ours.named_buffers()),
            (*theirs.named_parameters(), *theirs.named_buffers()),
            strict=True,
        ):
            assert one.dtype == other.dtype and torch.equal(one, other), name


def test_a_sharded_component_has_its_scales_applied(folder):
    meant = rewrite(folder, "transformer", scaled_as(".scale_weight", per_tensor, marker=True))
    place = folder / "transformer"
    tensors = load_file(place / "diffusion_pytorch_model.safetensors")
    (place / "diffusion_pytorch_model.safetensors").unlink()
    names = sorted(tensors)
    index = {}
    for number in (1, 2):  # a weight and its scale may lie in different shards
        file = f"diffusion_pytorch_model-0000{number}-of-00002.safetensors"
        index |= dict.fromkeys(names[number - 1 :: 2], file)
        save_file({name: tensors[name] for name in names[number - 1 :: 2]}, place / file, metadata={"format": "pt"})
    text = json.dumps({"metadata": {}, "weight_map": index})
    (place / "diffusion_pytorch_model.safetensors.index.json").write_text(text)
    assert_holds(load(folder, "transformer"), meant)


RENAMED = (
    ("condition_embedder.time_embedder.linear_", "time_embedding."), ("condition_embedder.text_embedder.linear_",
    "text_embedding."), ("condition_embedder.time_proj", "time_projection.1"), ("attn1.", "self_attn."),
    ("attn2.", "cross_attn."), (".to_out.0.", ".o."), (".to_q.", ".q."), (".to_k.", ".k."), (".to_v.", ".v."),
    ("ffn.net.0.proj", "ffn.0"), ("ffn.net.2", "ffn.2"), ("proj_out", "head.head"), ("norm2", "norm3"),
    ("embedding.1", "embedding.0"),
)  # fmt: skip


def original(name: str) -> str:
    for ours, theirs in RENAMED:
        name = name.replace(ours, theirs)
    return {"scale_shift_table": "head.modulation"}.get(name, name.replace("scale_shift_table", "modulation"))


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
@pytest.mark.parametrize("is_scaled", [False, True])
def test_a_single_file_in_the_authors_names_is_read_with_its_scales(folder, tmp_path, prefix, is_scaled):
    change = scaled_as(".scale_weight", per_tensor, marker=True) if is_scaled else lambda tensors: (tensors, tensors)
    meant = rewrite(folder, "transformer", change)
    tensors = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    file = tmp_path / "wan_scaled.safetensors"
    save_file({prefix + original(name): one for name, one in tensors.items()}, file)
    for origin in (Origin(str(tmp_path), file=file.name), Origin(str(file))):
        module = load(folder, "transformer", "bfloat16", transformer=origin)
        assert_holds(module, meant)


def test_a_text_encoder_may_be_a_single_file_with_its_tokenizer_inside(folder, tmp_path):
    meant = rewrite(folder, "text_encoder", scaled_as(".scale_weight", per_tensor, marker=True))
    tensors = load_file(folder / "text_encoder" / "model.safetensors")
    file = tmp_path / "te.safetensors"
    save_file({**tensors, "spiece_model": torch.zeros(9, dtype=torch.uint8)}, file)
    assert_holds(load(folder, "text_encoder", text_encoder=Origin(str(file))), meant)


@pytest.mark.parametrize(
    ("scale", "factor"),
    [
        (torch.tensor(2.0), torch.full((4, 6), 2.0)),
        (torch.tensor([1.0, 2, 3, 4]), torch.tensor([1.0, 2, 3, 4])[:, None].expand(4, 6)),
        (torch.tensor([[1.0, 2], [3, 4]]), torch.kron(torch.tensor([[1.0, 2], [3, 4]]), torch.ones(2, 3))),
        (torch.arange(8.0).reshape(4, 2, 1), torch.arange(8.0).reshape(4, 2).repeat_interleave(3, 1)),
    ],
)  # fmt: skip
def test_a_scale_is_one_number_or_one_for_each_channel_or_block(scale, factor):
    weight = torch.arange(24.0).reshape(4, 6).to(FP8)
    assert torch.equal(scales.scaled(weight, scale, "a.weight"), weight.float() * factor)


def test_the_last_block_may_be_cut():
    scale = torch.tensor([[1.0, 2.0]])
    product = scales.scaled(torch.ones(64, 200).to(FP8), scale, "a.weight")
    assert product[0, 127] == 1 and product[0, 128] == 2


def test_a_scale_of_another_shape_is_refused():
    with pytest.raises(ModelError, match=r"a\.weight of \[4, 6\] has a scale of \[5\]"):
        scales.scaled(torch.ones(4, 6).to(FP8), torch.ones(5), "a.weight")


def first(tensors):
    return next(name for name in sorted(tensors) if name.endswith("attn1.to_q.weight"))


def described_as(**content):
    def change(tensors):
        files, meant = scaled_as(".weight_scale", per_tensor)(tensors)
        text = torch.tensor(list(json.dumps(content).encode()), dtype=torch.uint8)
        return files | {first(tensors).removesuffix("weight") + "comfy_quant": text}, meant

    return change


def test_comfyuis_description_of_a_layer_is_read(folder):
    meant = rewrite(folder, "transformer", described_as(format="float8_e4m3fn"))
    assert_holds(load(folder, "transformer"), meant)


def test_a_description_that_says_more_than_is_known_is_refused(folder):
    rewrite(folder, "transformer", described_as(format="float8_e4m3fn", convrot=True))
    with pytest.raises(ModelError, match=r'comfy_quant says .*"convrot": true.* a way of storing weights'):
        load(folder, "transformer")


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (
            "blocks.0.attn1.foo",
            r"transformer cannot be loaded from .*: 1 tensors fit nothing in a WanTrans.*attn1\.foo ->",
        ),
        ("blocks.9.attn1.to_q.weight", "1 tensors fit nothing in a WanTransformer3DModel"),
        ("blocks.0.attn1.to_q.scale_weight", r"to_q\.scale_weight is a scale of .*to_q\.weight, which is F32"),
        ("blocks.0.attn1.to_q.weight.absmax", "is quantized as bitsandbytes stores it, which is not read -> .*=fp8"),
        ("blocks.0.attn1.to_q.qweight", "is quantized as GPTQ or AWQ stores it"),
        ("blocks.0.attn1.to_q.wscales", r"is quantized as SVDQuant \(Nunchaku\) stores it"),
        ("blocks.0.attn1.to_q.weight._data", "is quantized as quanto stores it"),
        ("blocks.0.attn1.to_q._weight_qdata", "is quantized as torchao stores it"),
        ("blocks.0.attn1.to_q.weight_scale_2", "is quantized as NVFP4 or MXFP8 stores it"),
    ],
)
def test_tensors_that_change_what_others_mean_are_refused_by_name(folder, extra, told):
    rewrite(folder, "transformer", lambda tensors: (tensors | {extra: torch.zeros(3)}, tensors))
    with pytest.raises(LoadError, match=told):
        load(folder, "transformer")


def test_parts_of_a_larger_model_and_computed_buffers_are_left_out(folder, caplog):
    others = {
        "decoder.block.0.weight": torch.zeros(3), "lm_head.weight": torch.zeros(3),
        "encoder.embed_tokens.position_ids": torch.zeros(3),
    }  # fmt: skip
    rewrite(folder, "text_encoder", lambda tensors: (tensors | others, tensors))
    with caplog.at_level("INFO", "vgpipe"):
        load(folder, "text_encoder")
    assert re.search("its files also hold .*lm_head, which it has no use for", caplog.text)


def test_quantizing_again_what_has_scales_is_refused_before_anything_is_loaded(folder):
    rewrite(folder, "transformer", scaled_as(".scale_weight", per_tensor))
    settings = Settings(quantization={"transformer": "int8"})
    with pytest.raises(ConfigError, match=r"transformer=int8: its files are stored in 8 bits, with scales.* -> .*=fp8"):
        quantize.check(open_checkpoint(Origin(str(folder))), settings, ("transformer",))


def test_keys_of_plain_files_stay_and_those_with_scales_have_their_own(folder):
    def key():
        return open_checkpoint(Origin(str(folder))).identity("transformer", None)

    assert len(key()) == 2
    rewrite(folder, "transformer", scaled_as(".scale_weight", per_tensor))
    assert key()[2:] == ["scales applied"]
