"""Quantised components: weights take less memory, the video stays finite, and one message explains what cannot work."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import SMALL
from tests.models.driven import Case, drive
from vgpipe.errors import ConfigError, LoadError, ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.layouts import refuse_gguf
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.weights import quantize
from vgpipe.models.weights.load_component import load_component

CASE = Case("a small red circle", "blue", 3, 3.0, num_inference_steps=3)
PROMPT = "clip.prompt=a small red circle"
BITSANDBYTES = [("bnb_int8", "Int8Params", 8, 0.05), ("nf4", "Params4bit", 4, 0.4)]

# diffusers' name -> the original Wan repository's; in this order.
ORIGINAL_NAMES = (
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("attn1.", "self_attn."), ("attn2.", "cross_attn."),
    (".to_out.0.", ".o."), (".to_q.", ".q."), (".to_k.", ".k."), (".to_v.", ".v."),
    ("ffn.net.0.proj", "ffn.0"), ("ffn.net.2", "ffn.2"),
    ("proj_out", "head.head"), ("norm2", "norm3"),
)  # fmt: skip


@pytest.fixture(scope="module")
def wide_wan(tiny_wan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Wan with rows of 64 weights, since GGUF and NF4 know blocks of 32 and 64 only."""
    from diffusers import WanTransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    folder = tmp_path_factory.mktemp("wide") / "wan"
    shutil.copytree(tiny_wan, folder)
    for part in ("transformer", "text_encoder"):
        shutil.rmtree(folder / part)
    torch.manual_seed(1)
    WanTransformer3DModel(
        num_attention_heads=4, attention_head_dim=16, in_channels=4, out_channels=4, text_dim=64, freq_dim=64,
        ffn_dim=64, num_layers=2, rope_max_seq_len=32,
    ).save_pretrained(folder / "transformer")  # fmt: skip
    vocabulary = UMT5Config.from_pretrained(tiny_wan / "text_encoder").vocab_size
    text = UMT5Config(vocab_size=vocabulary, d_model=64, d_kv=16, d_ff=64, num_layers=1, num_heads=4)
    UMT5EncoderModel(text).save_pretrained(folder / "text_encoder")
    return folder


@pytest.fixture(scope="module")
def long_wan(wide_wan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with rows of 128 weights, since int4 knows blocks of 128 only."""
    from diffusers import WanTransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    folder = shutil.copytree(wide_wan, tmp_path_factory.mktemp("long") / "wan")
    for part in ("transformer", "text_encoder"):
        shutil.rmtree(folder / part)
    WanTransformer3DModel(
        num_attention_heads=4, attention_head_dim=32, in_channels=4, out_channels=4, text_dim=128, freq_dim=128,
        ffn_dim=128, num_layers=1, rope_max_seq_len=32,
    ).save_pretrained(folder / "transformer")  # fmt: skip
    vocabulary = UMT5Config.from_pretrained(wide_wan / "text_encoder").vocab_size
    text = UMT5Config(vocab_size=vocabulary, d_model=128, d_kv=32, d_ff=128, num_layers=1, num_heads=4)
    UMT5EncoderModel(text).save_pretrained(folder / "text_encoder")
    return folder


def load(folder: Path, component: str, method: str | None = None, dtype="float32", **others: Origin):
    quantization = {component: method} if method else {}
    settings = Settings(dtype=dtype, quantization=quantization)
    return load_component(open_checkpoint(Origin(str(folder)), others), component, settings, "cpu")


def stored_bytes(tensor: torch.Tensor) -> int:
    """Returns what a tensor really takes; torchao's tensors report the size that they stand for."""
    if hasattr(tensor, "__tensor_flatten__"):
        names, _ = tensor.__tensor_flatten__()
        return sum(stored_bytes(getattr(tensor, name)) for name in names)
    return tensor.numel() * tensor.element_size()


def linear_bytes(module) -> int:
    return sum(stored_bytes(one.weight) for one in module.modules() if isinstance(one, torch.nn.Linear))


def denoised(transformer) -> torch.Tensor:
    dtype, draw = transformer.proj_out.bias.dtype, torch.Generator().manual_seed(0)
    with torch.no_grad():
        return transformer(
            hidden_states=torch.randn(1, 4, 3, 4, 4, generator=draw).to(dtype), timestep=torch.tensor([5]),
            encoder_hidden_states=torch.randn(1, 7, 64, generator=draw).to(dtype), return_dict=False,
        )[0].float()  # fmt: skip


def encoded(text_encoder) -> torch.Tensor:
    with torch.no_grad():
        return text_encoder(input_ids=torch.tensor([[3, 4, 5, 1]])).last_hidden_state.float()


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one - other).abs().max() / other.abs().max()).item()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_torchao_stores_a_byte_a_weight_in_transformer_and_text_encoder(wide_wan, dtype):
    pytest.importorskip("torchao", reason="int8 needs torchao")
    plain_bytes = {"float32": 4, "bfloat16": 2}[dtype]
    for component, run in (("transformer", denoised), ("text_encoder", encoded)):
        plain, small = load(wide_wan, component, dtype=dtype), load(wide_wan, component, "int8", dtype)
        assert not small.training
        assert linear_bytes(small) < 1.4 * linear_bytes(plain) / plain_bytes
        assert 0 < difference(run(small), run(plain)) < 0.05


@pytest.mark.gpu
@pytest.mark.parametrize("component", ["transformer", "text_encoder"])
def test_torchao_stores_half_a_byte_a_weight_on_a_gpu(long_wan, component):
    pytest.importorskip("torchao", reason="int4 needs torchao")
    settings = Settings(dtype="bfloat16", quantization={component: "int4"})
    small = load_component(open_checkpoint(Origin(str(long_wan))), component, settings, "cuda")
    packed = [one for one in small.modules() if type(getattr(one, "weight", None)).__name__.startswith("Int4")]
    assert packed
    # A scale and a zero point, 2 bytes each, for every 128 weights; rows are filled up to multiples of 1024.
    assert all(stored_bytes(one.weight) < 0.6 * max(one.in_features, 1024) * one.out_features for one in packed)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_int4_without_a_gpu_is_refused(wide_wan):
    pytest.importorskip("torchao", reason="int4 needs torchao")
    told = r"^memory\.weights\.text_encoder=int4: torchao packs it on a GPU only, and the device is cpu -> .*=int8"
    with pytest.raises(ModelError, match=told):
        load(wide_wan, "text_encoder", "int4", "bfloat16")


@pytest.mark.parametrize(("method", "kind", "bits", "most_off"), BITSANDBYTES)
def test_bitsandbytes_stores_a_text_encoder_on_the_cpu_too(wide_wan, method, kind, bits, most_off):
    pytest.importorskip("bitsandbytes", reason="bnb_int8 and nf4 need bitsandbytes")
    plain, small = load(wide_wan, "text_encoder"), load(wide_wan, "text_encoder", method)
    packed = [one for one in small.modules() if type(getattr(one, "weight", None)).__name__ == kind]
    assert len(packed) == 4 + 2  # of attention and of the feed-forward gate; transformers keeps `wo` as it is
    assert all(stored_bytes(one.weight) == one.in_features * one.out_features * bits // 8 for one in packed)
    assert 0 < difference(encoded(small), encoded(plain)) < most_off


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("method", ["bnb_int8", "nf4"])
def test_bitsandbytes_on_a_transformer_without_a_gpu_is_refused(wide_wan, method):
    pytest.importorskip("bitsandbytes", reason="bnb_int8 and nf4 need bitsandbytes")
    told = rf"^memory\.weights\.transformer={method}: diffusers quantises with bitsandbytes on a GPU only, and .*int8"
    with pytest.raises(LoadError, match=told):
        load(wide_wan, "transformer", method)


def original_name(name: str) -> str:
    if name == "scale_shift_table":
        return "head.modulation"
    for ours, theirs in ORIGINAL_NAMES:
        name = name.replace(ours, theirs)
    return name.replace("scale_shift_table", "modulation")


def write_gguf(wan: Path, path: Path, kind: str = "Q8_0", leave_out: str = "-", more: str = "") -> Path:
    """Writes a Wan transformer as the GGUF files of the hub are: original names, matrices quantised, the rest float."""
    gguf = pytest.importorskip("gguf", reason="GGUF files need gguf")
    pytest.importorskip("diffusers", minversion="0.39", reason="older diffusers leave the time embedding packed")
    from diffusers import WanTransformer3DModel

    quantised = gguf.GGMLQuantizationType[kind]
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "wan")
    for name, tensor in WanTransformer3DModel.from_pretrained(wan / "transformer").state_dict().items():
        if leave_out in name:
            continue
        array = tensor.numpy()
        if name.endswith("weight") and array.ndim == 2:
            writer.add_tensor(original_name(name), gguf.quants.quantize(array, quantised), raw_dtype=quantised)
        else:
            writer.add_tensor(original_name(name), array)
    if more:
        writer.add_tensor(more, np.ones((4, 4), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(("kind", "bytes_per_32", "most_off"), [("Q8_0", 34, 0.05), ("Q4_0", 18, 0.4)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_gguf_file_gives_the_weights_that_its_own_library_reads(
    wide_wan, tmp_path, kind, bytes_per_32, most_off, dtype
):
    write_gguf(wide_wan, tmp_path / "wan.gguf", kind)
    import gguf
    from diffusers.quantizers.gguf.utils import dequantize_gguf_tensor

    plain = load(wide_wan, "transformer", dtype=dtype)
    small = load(wide_wan, "transformer", dtype=dtype, transformer=Origin(str(tmp_path), file="wan.gguf"))
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(tmp_path / "wan.gguf").tensors}
    packed = 0
    for name, layer in small.named_modules():
        if type(layer).__name__ == "GGUFLinear":
            tensor = stored[f"{original_name(f'{name}.weight')}"]
            assert stored_bytes(layer.weight) == layer.in_features * layer.out_features // 32 * bytes_per_32
            expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            # diffusers unpacks to float16, the library to float32.
            assert np.allclose(dequantize_gguf_tensor(layer.weight).numpy(), expected, rtol=2**-10, atol=1e-6)
            packed += 1
    assert packed == 2 * 10 + 4
    assert 0 < difference(denoised(small), denoised(plain)) < most_off


def test_a_gguf_file_may_lie_in_a_subfolder(wide_wan, tmp_path):
    write_gguf(wide_wan, tmp_path / "q8" / "wan.gguf")
    module = load(wide_wan, "transformer", transformer=Origin(str(tmp_path), subfolder="q8", file="wan.gguf"))
    assert type(module.blocks[0].attn1.to_q).__name__ == "GGUFLinear"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("left out", r" from {path}: missing tensors: blocks\.1\.attn2\.to_q\.bias.* -> "),
        ("cut short", r" from {path}: "),
        ("no gguf", r": {path} cannot be read: it is no GGUF file"),
    ],
)
def test_a_damaged_gguf_file_is_named(wide_wan, tmp_path, damage, told):
    path = write_gguf(wide_wan, tmp_path / "wan.gguf", leave_out="blocks.1.attn2.to_q" if damage == "left out" else "-")
    if damage == "cut short":
        path.write_bytes(path.read_bytes()[:-4096])
    if damage == "no gguf":
        path.write_bytes(b"something else entirely, and long enough for a header")
    with pytest.raises(LoadError, match=f"^transformer cannot be loaded{told.format(path=path)}"):
        load(wide_wan, "transformer", transformer=Origin(str(tmp_path), file="wan.gguf"))


def test_tensors_of_a_gguf_file_that_fit_nothing_are_refused(wide_wan, tmp_path):
    write_gguf(wide_wan, tmp_path / "wan.gguf", more="blocks.1.self_attn.x.weight")
    with pytest.raises(LoadError, match=r"1 tensors fit nothing in a WanTransformer3DModel: blocks\.1\.attn1\.x"):
        load(wide_wan, "transformer", transformer=Origin(str(tmp_path / "wan.gguf")))


def test_a_gguf_file_of_another_size_of_the_model_is_refused(wide_wan, tiny_wan, tmp_path):
    write_gguf(wide_wan, tmp_path / "wan.gguf")
    with pytest.raises(
        LoadError, match=r"wan\.gguf is a Wan transformer \(.* 64 wide, .*and the checkpoint's has .* 24 wide"
    ):
        load(tiny_wan, "transformer", transformer=Origin(str(tmp_path), file="wan.gguf"))


def test_packed_layers_that_an_older_diffusers_left_where_float32_is_needed_are_refused(wide_wan, tmp_path):
    write_gguf(wide_wan, tmp_path / "wan.gguf")
    module = load(wide_wan, "transformer", transformer=Origin(str(tmp_path), file="wan.gguf"))
    embedder = module.condition_embedder.time_embedder
    embedder.linear_1.weight = module.blocks[0].attn1.to_q.weight
    with pytest.raises(ModelError, match=r"time_embedder\.linear_1\.weight quantised.*diffusers>=0\.39"):
        quantize.refuse_packed_float32(module)


@pytest.mark.parametrize(
    ("methods", "file", "told"),
    [
        ({"transformer": "gguf"}, None, r"memory\.weights\.transformer=gguf: nothing says which file"),
        (
            {"transformer": "int8"},
            "x.gguf",
            r"memory\.weights\.transformer=int8: x\.gguf is quantised .*native",
        ),
        ({"transformer": "fp8"}, "x.gguf", r"memory\.weights\.transformer=fp8: x\.gguf is quantised already"),
        ({}, "x.bin", r"model\.components\.transformer\.file: x\.bin is neither a safetensors nor a GGUF file"),
        (
            {"transfromer": "int8"},
            None,
            r"memory\.weights\.transfromer: there is no such component with weights -> .* transformer, vae$",
        ),
        (
            {"tokenizer": "fp8"},
            None,
            r"memory\.weights\.tokenizer: there is no such component .* -> one of: text",
        ),
        ({"vae": "int8"}, None, r"memory\.weights\.vae=int8: .* convolutions -> memory\.weights\.vae=fp8"),
        ({"transformer": "int4"}, None, r"memory\.weights\.transformer=int4: .* bfloat16 only, .* float32 -> "),
    ],
)
def test_a_choice_that_cannot_work_is_refused_before_anything_is_loaded(wide_wan, tmp_path, methods, file, told):
    others = {"transformer": Origin(str(tmp_path), file=file)} if file else {}
    if file:
        (tmp_path / file).write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0))
    pytest.importorskip("torchao", reason="int8 and int4 need torchao")
    with pytest.raises((ConfigError, ModelError), match=told):
        drive("wan", wide_wan, Settings(quantization=methods), others)


def test_gguf_is_refused_where_none_is_read(tmp_path):
    for component, name in (
        ("text_encoder", "LlamaModel"),
        ("transformer", "CogVideoXTransformer3DModel"),
        ("vae", "AutoencoderKLWan"),
    ):
        with pytest.raises(LoadError, match=f"{component}: .*x.gguf: .*{name}.* -> leave it out"):
            refuse_gguf(component, name, tmp_path / "x.gguf")
    refuse_gguf("text_encoder", "UMT5EncoderModel", tmp_path / "x.gguf")
    refuse_gguf("transformer", "LTXVideoTransformer3DModel", tmp_path / "x.gguf")


@pytest.mark.parametrize(
    ("package", "asked"),
    [
        ("torchao", "memory.weights.transformer=int8"),
        ("torchao", "memory.weights.text_encoder=int4"),
        ("bitsandbytes", "memory.weights.transformer=nf4"),
        ("bitsandbytes", "memory.weights.text_encoder=bnb_int8"),
    ],
)
def test_without_the_package_the_run_does_not_start(render, monkeypatch, package, asked):
    monkeypatch.setitem(sys.modules, package, None)
    ran = render(PROMPT, asked)
    assert ran.code == 2
    assert f'{asked}: needs the package {package} -> pip install "vgpipe[{package}]"' in ran.err


def test_a_package_that_is_too_old_is_told(wide_wan, monkeypatch):
    pytest.importorskip("torchao", reason="int8 needs torchao")
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "0.9.0")
    with pytest.raises(ConfigError, match=r"needs torchao 0\.15 or newer, and 0\.9\.0 is installed -> pip install"):
        drive("wan", wide_wan, Settings(quantization={"transformer": "int8"}))


def test_keys_tell_methods_components_and_gguf_bytes_apart(wide_wan, tmp_path):
    pytest.importorskip("torchao", reason="int8 needs torchao")
    ways = [Settings(quantization=one) for one in ({}, {"transformer": "int8"}, {"transformer": "fp8"})]
    identities = [drive("wan", wide_wan, one).family.identity("transformer") for one in ways]
    for kind in ("Q8_0", "Q4_0"):
        write_gguf(wide_wan, tmp_path / kind / "wan.gguf", kind)
        others = {"transformer": Origin(str(tmp_path / kind), file="wan.gguf")}
        identities.append(drive("wan", wide_wan, others=others).family.identity("transformer"))
    assert len({str(one) for one in identities}) == 5
    other = shutil.copytree(wide_wan, tmp_path / "other")
    config = json.loads((other / "transformer" / "config.json").read_text())
    (other / "transformer" / "config.json").write_text(json.dumps(config | {"eps": 1e-5}))
    assert drive("wan", other, others=others).family.identity("transformer") != identities[-1]
    text = drive("wan", wide_wan, Settings(quantization={"text_encoder": "int8"})).family
    assert text.identity("transformer") == identities[0]


def test_a_lora_on_quantised_weights_is_the_stock_pipelines(wide_wan, tmp_path):
    pytest.importorskip("torchao", reason="int8 needs torchao")
    pytest.importorskip("peft", reason="LoRAs need peft")
    from diffusers import TorchAoConfig, WanPipeline
    from torchao.quantization import Int8WeightOnlyConfig

    from tests.models.weights.test_loras import lora, run, save_lora

    file = save_lora(load(wide_wan, "transformer"), tmp_path)
    transformer = WanPipeline.from_pretrained(wide_wan).transformer.__class__.from_pretrained(
        wide_wan / "transformer", quantization_config=TorchAoConfig(Int8WeightOnlyConfig()), torch_dtype=torch.float32
    )
    pipeline = WanPipeline.from_pretrained(wide_wan, transformer=transformer)
    pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name="one")
    pipeline.set_adapters(["one"], [0.8])
    settings = Settings(max_sequence_length=16, quantization={"transformer": "int8"}, loras=(lora(file, 0.8),))
    assert torch.equal(drive("wan", wide_wan, settings).latents(CASE)[0], run(pipeline, "latent"))


@pytest.mark.parametrize(
    ("package", "asked"),
    [
        ("torchao", "memory.weights={transformer: int8, text_encoder: fp8}"),
        ("torch", "memory.weights.vae=fp8"),
        ("bitsandbytes", "memory.weights.text_encoder=nf4"),
        ("gguf", "+model.components.transformer={id: GGUF, file: wan.gguf}"),
    ],
)
def test_a_run_renders_other_frames_with_quantised_weights(vgpipe, wide_wan, tmp_path, package, asked):
    pytest.importorskip(package, reason=f"needs {package}")
    if package == "gguf":
        asked = asked.replace("GGUF", str(write_gguf(wide_wan, tmp_path / "made" / "wan.gguf").parent))
    plain, ran = (vgpipe(PROMPT, f"model.id={wide_wan}", *SMALL, *more) for more in ((), (asked,)))
    assert (plain.code, ran.code) == (0, 0), ran.err
    assert ran.records()[0]["state"] == "done" and not ran.records()[0].get("degradations")
    videos = [next(one.root.rglob("*.mp4")).read_bytes() for one in (plain, ran)]
    assert videos[0] != videos[1]
