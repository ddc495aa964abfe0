"""Writes tiny checkpoints in the file layouts that people have, and compares latents with those of diffusers' layout.

Each row writes one component (or a LoRA) of a tiny checkpoint as such a file, drives the model with it and with the
checkpoint itself, from the same seed, and compares the latents bit by bit; rows of a VAE compare decoded frames. Of
weights in 8 bits, the other side is a checkpoint in diffusers' layout that holds the products with the scales; of
GGUF files, one that holds the unpacked values. Files are opened as `model.components.NAME={id: FILE}` and
`model.loras` open them; `tests/models/checkpoint/test_single_file.py` opens whole checkpoints through `model.id=FILE`.

    python -m benchmarks.layouts [--only WORD]

The table of docs/loading.md is what it printed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tests import tiny
from tests.models.driven import Case, drive
from tests.tiny import file_layouts as layouts
from vgpipe.config.model_options import load_model
from vgpipe.models.base import Lora, Settings
from vgpipe.models.open import Origin

CASE = Case("a small red circle", "blue", 3, 3.0, num_inference_steps=3, num_frames=9, width=64, height=32)
IMAGE = np.random.default_rng(0).integers(0, 255, (1, 32, 64, 3), dtype=np.uint8)
WORDS = {"cogvideox_2b": 226, "wan21_i2v_14b_480p": 512}
Tensors = dict[str, torch.Tensor]
WEIGHTS = {"text_encoder": "model", "text_encoder_2": "model"}


@dataclass(frozen=True)
class Row:
    """One file layout.

    Attributes:
        name: in the table.
        option: whose tiny checkpoint is written.
        component: that the file holds; "" for a LoRA.
        write: writes the file and returns it, with what its tensors mean in diffusers' names where that is not what
            the checkpoint holds.
        image: whether the clip begins with an image.
    """

    name: str
    option: str
    component: str
    write: Callable[[Path, Path], tuple[Path, Tensors | None]]
    image: bool = False


def plain(component: str, layout: layouts.Layout, prefix: str = "") -> Callable[[Path, Path], tuple[Path, None]]:
    """Returns what writes a component under other names."""

    def write(folder: Path, out: Path) -> tuple[Path, None]:
        tensors = layout(layouts.tensors_of(folder, component))
        return layouts.write(out / "x.safetensors", layouts.with_prefix(prefix, tensors)), None

    return write


def in_8_bits(
    component: str, layout: layouts.Layout, suffix: str = ".scale_weight", kind: torch.dtype = layouts.FP8
) -> Callable[[Path, Path], tuple[Path, Tensors]]:
    """Returns what writes a component in 8 bits with scales."""

    def write(folder: Path, out: Path) -> tuple[Path, Tensors]:
        own = layouts.without_tied(layouts.tensors_of(folder, component))
        scaled, meant = layouts.scaled(own, suffix, kind)
        scales = {name: one for name, one in scaled.items() if name not in own}
        weights = {name: one for name, one in scaled.items() if name in own}
        named = dict(zip(weights, layout(weights), strict=True)) if len(layout(weights)) == len(weights) else {}
        found = layout(weights) | {
            named[f"{name.removesuffix(suffix)}.weight"].removesuffix(".weight") + suffix: one
            for name, one in scales.items()
        }
        return layouts.write(out / "x.safetensors", found | {"scaled_fp8": torch.zeros(2, dtype=layouts.FP8)}), meant

    return write


def packed(
    component: str, layout: layouts.Layout, kind: str, arch: str
) -> Callable[[Path, Path], tuple[Path, Tensors]]:
    """Returns what writes a component as a GGUF file."""

    def write(folder: Path, out: Path) -> tuple[Path, Tensors]:
        import gguf

        chosen = gguf.GGMLQuantizationType[kind]
        own = layouts.without_tied(layouts.tensors_of(folder, component))
        meant = dict(own)
        for name, one in own.items():
            if kind != "F32" and one.ndim == 2 and one.shape[1] % 32 == 0 and name.endswith(".weight"):
                unpacked = gguf.quants.dequantize(gguf.quants.quantize(one.float().numpy(), chosen), chosen)
                meant[name] = torch.from_numpy(unpacked).reshape(one.shape)
        return layouts.write_gguf(out / "x.gguf", layout(own), kind, arch), meant

    return write


def adapters(option: str, layers: tuple[str, ...], save: Callable[[Tensors, Tensors, Path], Path]) -> Row:
    """Returns nothing but the writer of a LoRA: `save` gets its lower and upper halves by layer."""

    def write(folder: Path, out: Path) -> tuple[Path, Tensors]:
        torch.manual_seed(0)
        own = layouts.tensors_of(folder, "transformer")
        shapes = {name: own[f"{name}.weight"].shape for name in layers}
        lower = {name: torch.randn(4, shape[1]) * 0.3 for name, shape in shapes.items()}
        upper = {name: torch.randn(shape[0], 4) * 0.3 for name, shape in shapes.items()}
        file = save(lower, upper, out)
        pairs = {f"transformer.{name}.lora_A.weight": one for name, one in lower.items()}
        pairs |= {f"transformer.{name}.lora_B.weight": one for name, one in upper.items()}
        layouts.write(out / "reference.safetensors", pairs)
        return file, None

    return write


WAN_LAYERS = ("blocks.0.attn1.to_q", "blocks.1.attn2.to_v", "blocks.1.ffn.net.2")


def halves(start: str, names: tuple[str, str], rename=lambda name: name, alpha: float | None = None):
    """Returns what saves pairs with something before each layer, and names of the halves behind it."""

    def save(lower: Tensors, upper: Tensors, out: Path) -> Path:
        found = {}
        for layer in lower:
            place = f"{start}{rename(layer)}"
            factor = 1.0 if alpha is None else 4 / alpha
            found |= {f"{place}.{names[0]}": lower[layer] * factor, f"{place}.{names[1]}": upper[layer]}
            if alpha is not None:
                found[f"{place}.alpha"] = torch.tensor(alpha)
        return layouts.write(out / "lora.safetensors", found)

    return save


def peft_folder(lower: Tensors, upper: Tensors, out: Path) -> Path:
    """Saves a pair as PEFT does: the scale in a config beside the file."""
    file = halves("base_model.model.", ("lora_A.weight", "lora_B.weight"))(
        {name: one * 2 for name, one in lower.items()}, upper, out
    )
    (out / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 2}))
    return file.rename(out / "adapter_model.safetensors")


def authors(layer: str) -> str:
    """Wan's authors' name of a layer."""
    return next(iter(layouts.wan({f"{layer}.weight": torch.ones(1)}))).removesuffix(".weight")


def underscored(layer: str) -> str:
    """The name of a layer as kohya's and musubi's trainers write it."""
    return authors(layer).replace(".", "_")


def whole_change(make: Callable[[torch.Tensor, str], tuple[Tensors, torch.Tensor]], rename=authors, start=""):
    """Returns what writes adapters that change whole weights: `make` gives tensors of a layer and the new weight."""

    def write(folder: Path, out: Path) -> tuple[Path, Tensors]:
        torch.manual_seed(0)
        own = layouts.tensors_of(folder, "transformer")
        found, meant = {}, dict(own)
        for layer in WAN_LAYERS:
            tensors, new = make(own[f"{layer}.weight"], layer)
            found |= {f"{start}{rename(layer)}.{name}": one for name, one in tensors.items()}
            meant[f"{layer}.weight"] = new
        return layouts.write(out / "lora.safetensors", found), meant

    return write


def lokr(weight: torch.Tensor, _layer: str) -> tuple[Tensors, torch.Tensor]:
    one, left, right = torch.randn(2, 2), torch.randn(weight.shape[0] // 2, 2), torch.randn(2, weight.shape[1] // 2)
    parts = {"lokr_w1": one, "lokr_w2_a": left * 0.1, "lokr_w2_b": right, "alpha": torch.tensor(1.0)}
    return parts, weight + torch.kron(one, (left * 0.1) @ right) * 0.5


def loha(weight: torch.Tensor, _layer: str) -> tuple[Tensors, torch.Tensor]:
    left, right = torch.randn(2, weight.shape[0], 2) * 0.3, torch.randn(2, 2, weight.shape[1])
    parts = {"hada_w1_a": left[0], "hada_w1_b": right[0], "hada_w2_a": left[1], "hada_w2_b": right[1]}
    return parts | {"alpha": torch.tensor(2.0)}, weight + (left[0] @ right[0]) * (left[1] @ right[1])


def dora(names: tuple[str, str, str], shape: tuple[int, ...]):
    def make(weight: torch.Tensor, _layer: str) -> tuple[Tensors, torch.Tensor]:
        lower, upper = torch.randn(4, weight.shape[1]) * 0.3, torch.randn(weight.shape[0], 4) * 0.3
        length = weight.norm(dim=1) * (1 + torch.rand(weight.shape[0]))
        changed = weight + upper @ lower
        parts = {names[0]: lower, names[1]: upper, names[2]: length.reshape(shape)}
        return parts, changed * (length / changed.norm(dim=1))[:, None]

    return make


def differences(weight: torch.Tensor, _layer: str) -> tuple[Tensors, torch.Tensor]:
    change = torch.randn_like(weight) * 0.1
    return {"diff": change}, weight + change


def fused(start: str, name: str, names: tuple[str, str]):
    """Returns what saves HunyuanVideo's queries, keys and values as one pair, in ComfyUI's or musubi's names."""

    def save(lower: Tensors, upper: Tensors, out: Path) -> Path:
        shared = next(iter(lower.values()))
        for layer in lower:
            lower[layer] = shared
        found = {f"{start}{name}.{names[0]}": shared, f"{start}{name}.{names[1]}": torch.cat(list(upper.values()))}
        return layouts.write(out / "lora.safetensors", found)

    return save


PAIR, KOHYA = ("lora_A.weight", "lora_B.weight"), ("lora_down.weight", "lora_up.weight")
QKV = tuple(f"transformer_blocks.0.attn.to_{one}" for one in "qkv")
LTX_LAYERS = ("transformer_blocks.0.attn1.to_q", "transformer_blocks.1.ff.net.2")
COG_LAYERS = ("transformer_blocks.0.attn1.to_q", "transformer_blocks.0.ff.net.2")
HY15_LAYERS = ("transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.to_v")
WAN, HY, LTX = "wan21_t2v_1_3b", "hunyuan_video", "ltx_video_2b"


def rows() -> Iterator[Row]:
    """Yields every file layout of the table."""
    for prefix in ("", "model.diffusion_model.", "diffusion_model."):
        said = f", `{prefix}` before them" if prefix else ""
        yield Row(f"Wan 2.1, authors' names{said}", WAN, "transformer", plain("transformer", layouts.wan, prefix))
    yield Row("Wan 2.1, diffusers' names in one file", WAN, "transformer", plain("transformer", dict))
    for suffix, kind, said in (
        (".scale_weight", layouts.FP8, "E4M3, `.scale_weight`"),
        (".weight_scale", layouts.FP8, "E4M3, `.weight_scale`"),
        (".scale_weight", torch.float8_e5m2, "E5M2, `.scale_weight`"),
    ):
        write = in_8_bits("transformer", layouts.wan, suffix, kind)
        yield Row(f"Wan 2.1, authors' names, {said}", WAN, "transformer", write)
    yield Row("Wan VACE, authors' names", "wan21_vace_1_3b", "transformer", plain("transformer", layouts.wan))
    for component, layout, said in (
        ("transformer", layouts.wan, "Wan 2.1 image to video, authors' names"),
        ("image_encoder", dict, "CLIP image encoder, ComfyUI's file"),
    ):
        yield Row(said, "wan21_i2v_14b_480p", component, plain(component, layout), image=True)
    yield Row(
        "Wan 2.2 expert for low noise, authors' names",
        "wan22_t2v_a14b",
        "transformer_2",
        plain("transformer_2", layouts.wan),
    )
    yield Row("SkyReels V2, authors' names", "skyreels_v2_df_1_3b", "transformer", plain("transformer", layouts.wan))
    yield Row("HunyuanVideo, authors' names", HY, "transformer", plain("transformer", layouts.hunyuan))
    comfyui = plain("transformer", layouts.hunyuan_comfyui, "model.diffusion_model.")
    yield Row("HunyuanVideo, ComfyUI's names", HY, "transformer", comfyui)
    yield Row(
        "LTX-Video, authors' names", LTX, "transformer", plain("transformer", layouts.ltx, "model.diffusion_model.")
    )
    yield Row(
        "LTX-2, authors' names", "ltx2", "transformer", plain("transformer", layouts.ltx2, "model.diffusion_model.")
    )
    for component, layout, prefix, said in (
        ("unet", layouts.sd_unet, "model.diffusion_model.", "U-Net"),
        ("vae", layouts.sd_vae, "first_stage_model.", "VAE"),
        ("text_encoder", dict, "cond_stage_model.transformer.", "CLIP"),
    ):
        write = plain(component, layout, prefix)
        yield Row(f"Stable Diffusion 1.5, authors' names: {said}", "animatediff_sd15", component, write)
    yield Row("CogVideoX, diffusers' names in one file", "cogvideox_2b", "transformer", plain("transformer", dict))
    yield Row(
        "HunyuanVideo 1.5, diffusers' names in one file", "hunyuan_video_15", "transformer", plain("transformer", dict)
    )
    yield Row("Mochi, diffusers' names in one file", "mochi_1_preview", "transformer", plain("transformer", dict))
    for option, layout, kind, said in (
        (WAN, layouts.wan, "Q8_0", "Wan 2.1"),
        (WAN, layouts.wan, "Q4_0", "Wan 2.1"),
        ("wan21_vace_1_3b", layouts.wan, "Q8_0", "Wan VACE"),
        (HY, layouts.hunyuan, "Q8_0", "HunyuanVideo"),
        (LTX, layouts.ltx, "Q8_0", "LTX-Video"),
    ):
        yield Row(f"{said}, GGUF {kind}", option, "transformer", packed("transformer", layout, kind, "wan"))
    encoder = "text_encoder"
    yield Row("UMT5, ComfyUI's file (transformers' names)", WAN, encoder, plain(encoder, layouts.without_tied))
    yield Row("UMT5, E4M3 with `.scale_weight`", WAN, encoder, in_8_bits(encoder, dict))
    yield Row("UMT5, names of Wan's repository", WAN, encoder, plain(encoder, layouts.t5))
    yield Row("UMT5, GGUF Q8_0", WAN, encoder, packed(encoder, layouts.t5_gguf, "Q8_0", "t5encoder"))
    yield Row("T5, ComfyUI's file (t5xxl)", LTX, encoder, plain(encoder, layouts.without_tied))
    yield Row("T5, GGUF Q8_0", LTX, encoder, packed(encoder, layouts.t5_gguf, "Q8_0", "t5encoder"))
    yield Row("Llama, ComfyUI's file (`model.`)", HY, encoder, plain(encoder, dict, "model."))
    yield Row("CLIP-L, ComfyUI's file", HY, "text_encoder_2", plain("text_encoder_2", dict))
    yield Row("Qwen2.5-VL, ComfyUI's file (`model.`)", "hunyuan_video_15", encoder, plain(encoder, dict, "model."))
    yield Row("Wan 2.1 VAE, authors' names", WAN, "vae", plain("vae", layouts.wan_21_vae))
    yield Row("Wan 2.2 VAE, authors' names", "wan22_ti2v_5b", "vae", plain("vae", layouts.wan_22_vae))
    yield Row("HunyuanVideo VAE, ComfyUI's names", HY, "vae", plain("vae", layouts.hunyuan_vae))
    yield Row("LTX-Video 0.9.0 VAE, authors' names", LTX, "vae", plain("vae", layouts.ltx_vae, "vae."))
    yield Row(
        "LoRA, ComfyUI (`diffusion_model.`)",
        WAN,
        "",
        adapters(WAN, WAN_LAYERS, halves("diffusion_model.", PAIR, authors)),
    )
    kohya = halves("diffusion_model.", KOHYA, authors, 2.0)
    yield Row("LoRA, ComfyUI, `lora_down` with alpha", WAN, "", adapters(WAN, WAN_LAYERS, kohya))
    yield Row(
        "LoRA, musubi (`lora_unet_`)", WAN, "", adapters(WAN, WAN_LAYERS, halves("lora_unet_", KOHYA, underscored, 2.0))
    )
    named = ("lora_A.default.weight", "lora_B.default.weight")
    yield Row("LoRA, DiffSynth (bare, `.default`)", WAN, "", adapters(WAN, WAN_LAYERS, halves("", named, authors)))
    yield Row("LoRA, DiffSynth (`pipe.dit.`)", WAN, "", adapters(WAN, WAN_LAYERS, halves("pipe.dit.", named, authors)))
    yield Row("LoRA, PEFT with its config", WAN, "", adapters(WAN, WAN_LAYERS, peft_folder))
    yield Row(
        "LoRA, HunyuanVideo, ComfyUI",
        HY,
        "",
        adapters(HY, QKV, fused("diffusion_model.", "double_blocks.0.img_attn.qkv", PAIR)),
    )
    yield Row(
        "LoRA, HunyuanVideo, musubi",
        HY,
        "",
        adapters(HY, QKV, fused("lora_unet_", "double_blocks_0_img_attn_qkv", KOHYA)),
    )
    yield Row("LoRA, LTX-Video, ComfyUI", LTX, "", adapters(LTX, LTX_LAYERS, halves("diffusion_model.", PAIR)))
    yield Row(
        "LoRA, LTX-Video, kohya",
        LTX,
        "",
        adapters(LTX, LTX_LAYERS, halves("lora_unet_", KOHYA, lambda one: one.replace(".", "_"), 2.0)),
    )
    yield Row("LoRA, CogVideoX, bare", "cogvideox_2b", "", adapters("cogvideox_2b", COG_LAYERS, halves("", PAIR)))
    yield Row(
        "LoRA, HunyuanVideo 1.5, PEFT",
        "hunyuan_video_15",
        "",
        adapters("hunyuan_video_15", HY15_LAYERS, halves("base_model.model.", PAIR)),
    )
    yield Row(
        "LoRA, Mochi, bare",
        "mochi_1_preview",
        "",
        adapters("mochi_1_preview", ("transformer_blocks.0.attn1.to_q",), halves("", PAIR)),
    )
    yield Row("LoKr, LyCORIS", WAN, "", whole_change(lokr, underscored, "lycoris_"))
    yield Row("LoKr, ComfyUI (`diffusion_model.`)", WAN, "", whole_change(lokr, authors, "diffusion_model."))
    yield Row("LoHa, LyCORIS", WAN, "", whole_change(loha, underscored, "lycoris_"))
    yield Row(
        "DoRA, PEFT",
        WAN,
        "",
        whole_change(dora((*PAIR, "lora_magnitude_vector"), (-1,)), lambda one: one, "base_model.model."),
    )
    yield Row(
        "DoRA, kohya (`dora_scale`)",
        WAN,
        "",
        whole_change(dora((*KOHYA, "dora_scale"), (-1, 1)), underscored, "lora_unet_"),
    )
    yield Row("`.diff`, ComfyUI", WAN, "", whole_change(differences, authors, "diffusion_model."))


def checkpoint_of(option: str, folder: Path) -> Path:
    """Builds a tiny checkpoint; that of Wan 2.1 gets a VAE with as many blocks as the real one has in a row."""
    from diffusers import AutoencoderKLWan

    built = tiny.build(option, folder)
    if option == WAN:
        torch.manual_seed(2)
        shutil.rmtree(built / "vae")
        AutoencoderKLWan(base_dim=4, num_res_blocks=2).eval().save_pretrained(built / "vae")
    return built


def compared(row: Row, checkpoint: Path, work: Path) -> str:
    """Returns what a row's file gives beside the checkpoint in diffusers' layout."""
    file, meant = row.write(checkpoint, work)
    reference, loras = checkpoint, ()
    if meant is not None:
        reference = shutil.copytree(checkpoint, work / "reference")
        name = row.component or "transformer"
        for one in [*(reference / name).glob("*.safetensors"), *(reference / name).glob("*.index*.json")]:
            one.unlink()
        stem = WEIGHTS.get(name, "diffusion_pytorch_model")
        layouts.write(reference / name / f"{stem}.safetensors", meant)
    elif not row.component:
        loras = (work / "reference.safetensors",)
    others = {row.component: Origin(str(file))} if row.component else {}
    ours = made(row, checkpoint, others, () if row.component else (file,))
    theirs = made(row, reference, {}, loras)
    if all(np.array_equal(one, two) for one, two in zip(ours, theirs, strict=True)):
        return "equal, bit for bit"
    return f"differs by at most {max(abs(one - two).max() for one, two in zip(ours, theirs, strict=True)):.1g}"


def made(row: Row, folder: Path, others: dict[str, Origin], loras: tuple[Path, ...]) -> list[np.ndarray]:
    """Returns the latents of a clip, and its frames where a VAE is tried."""
    if row.option == "animatediff_sd15":
        others = {"motion_adapter": Origin(str(folder / "adapter")), **others}
    used = tuple(Lora(path=str(one), weight=1.0, sha256="") for one in loras)
    settings = Settings(max_sequence_length=WORDS.get(row.option, 16), loras=used)
    driven = drive(load_model(row.option).family, folder, settings, others)
    one = driven.family
    parts = (*one.encode_components, *one.denoise_components(from_image=row.image), *one.decode_components)
    for module in driven.of(parts).values():
        align(module)
    latents, decode = driven.latents(replace(CASE, frames_NHWC=IMAGE) if row.image else CASE)
    frames = [driven.frames(decode).astype(float)] if row.component == "vae" else []
    return [latents.float().numpy(), *frames]


def align(module: object) -> None:
    """Copies weights out of mapped files: on a CPU, products differ in the last bit by where a matrix begins."""
    for tensor in module.parameters() if isinstance(module, torch.nn.Module) else ():
        if type(tensor) is torch.nn.Parameter:
            tensor.data = tensor.data.clone()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose names hold this")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        built: dict[str, Path] = {}
        for row in rows():
            if only not in row.name:
                continue
            if row.option not in built:
                built[row.option] = checkpoint_of(row.option, Path(folder) / row.option)
            work = Path(tempfile.mkdtemp(dir=folder))
            try:
                result = compared(row, built[row.option], work)
            except Exception as error:
                result = f"refused: {error}"
            shutil.rmtree(work)
            print(f"| {row.name} | {row.option} | {result} |", flush=True)


if __name__ == "__main__":
    main()
