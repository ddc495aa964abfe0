"""Writes a component of a tiny checkpoint as the files that people have: authors' names, ComfyUI's, scales, GGUF.

The names were written down from what the authors' repositories and ComfyUI save; nothing here uses what reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]
Rules = tuple[tuple[str, str], ...]
FP8 = torch.float8_e4m3fn

WAN: Rules = (
    (r"^condition_embedder\.time_embedder\.linear_1", "time_embedding.0"),
    (r"^condition_embedder\.time_embedder\.linear_2", "time_embedding.2"),
    (r"^condition_embedder\.text_embedder\.linear_1", "text_embedding.0"),
    (r"^condition_embedder\.text_embedder\.linear_2", "text_embedding.2"),
    (r"^condition_embedder\.time_proj", "time_projection.1"),
    (r"^condition_embedder\.image_embedder\.norm1", "img_emb.proj.0"),
    (r"^condition_embedder\.image_embedder\.ff\.net\.0\.proj", "img_emb.proj.1"),
    (r"^condition_embedder\.image_embedder\.ff\.net\.2", "img_emb.proj.3"),
    (r"^condition_embedder\.image_embedder\.norm2", "img_emb.proj.4"),
    (r"\.add_([kv])_proj\.", r".\1_img."), (r"\.norm_added_k\.", ".norm_k_img."),
    (r"\.attn1\.", ".self_attn."), (r"\.attn2\.", ".cross_attn."),
    (r"\.to_out\.0\.", ".o."), (r"\.to_([qkv])\.", r".\1."),
    (r"ffn\.net\.0\.proj", "ffn.0"), (r"ffn\.net\.2", "ffn.2"), (r"\.norm2\.", ".norm3."),
    (r"^(vace_blocks\.\d+)\.proj_in\.", r"\1.before_proj."), (r"^(vace_blocks\.\d+)\.proj_out\.", r"\1.after_proj."),
    (r"^proj_out\.", "head.head."), (r"^scale_shift_table$", "head.modulation"), (r"scale_shift_table$", "modulation"),
)  # fmt: skip
LTX: Rules = (
    (r"^proj_in\.", "patchify_proj."), (r"^time_embed\.", "adaln_single."),
    (r"\.norm_q\.", ".q_norm."), (r"\.norm_k\.", ".k_norm."),
)  # fmt: skip
LTX2: Rules = (
    (r"^proj_in\.", "patchify_proj."), (r"^audio_proj_in\.", "audio_patchify_proj."),
    (r"^time_embed\.", "adaln_single."), (r"^audio_time_embed\.", "audio_adaln_single."),
    (r"^av_cross_attn_video_scale_shift\.", "av_ca_video_scale_shift_adaln_single."),
    (r"^av_cross_attn_audio_scale_shift\.", "av_ca_audio_scale_shift_adaln_single."),
    (r"^av_cross_attn_video_a2v_gate\.", "av_ca_a2v_gate_adaln_single."),
    (r"^av_cross_attn_audio_v2a_gate\.", "av_ca_v2a_gate_adaln_single."),
    (r"video_a2v_cross_attn_scale_shift_table", "scale_shift_table_a2v_ca_video"),
    (r"audio_a2v_cross_attn_scale_shift_table", "scale_shift_table_a2v_ca_audio"),
    (r"\.norm_q\.", ".q_norm."), (r"\.norm_k\.", ".k_norm."),
)  # fmt: skip
HUNYUAN: Rules = (
    (r"^x_embedder\.", "img_in."),
    (r"^time_text_embed\.timestep_embedder\.linear_1", "time_in.mlp.0"),
    (r"^time_text_embed\.timestep_embedder\.linear_2", "time_in.mlp.2"),
    (r"^time_text_embed\.guidance_embedder\.linear_1", "guidance_in.mlp.0"),
    (r"^time_text_embed\.guidance_embedder\.linear_2", "guidance_in.mlp.2"),
    (r"^time_text_embed\.text_embedder\.linear_1", "vector_in.in_layer"),
    (r"^time_text_embed\.text_embedder\.linear_2", "vector_in.out_layer"),
    (r"^context_embedder\.time_text_embed\.timestep_embedder\.linear_1", "txt_in.t_embedder.mlp.0"),
    (r"^context_embedder\.time_text_embed\.timestep_embedder\.linear_2", "txt_in.t_embedder.mlp.2"),
    (r"^context_embedder\.time_text_embed\.text_embedder", "txt_in.c_embedder"),
    (r"^context_embedder\.proj_in", "txt_in.input_embedder"),
    (r"^context_embedder\.token_refiner\.refiner_blocks", "txt_in.individual_token_refiner.blocks"),
    (r"^(txt_in\..*)\.attn\.to_([qkv])\.", r"\1.self_attn_qkv.\2."),
    (r"^(txt_in\..*)\.attn\.to_out\.0\.", r"\1.self_attn_proj."),
    (r"^(txt_in\..*)\.norm_out\.linear\.", r"\1.adaLN_modulation.1."),
    (r"^(txt_in\..*)\.ff\.net\.0\.proj\.", r"\1.mlp.fc1."), (r"^(txt_in\..*)\.ff\.net\.2\.", r"\1.mlp.fc2."),
    (r"^transformer_blocks\.", "double_blocks."), (r"^single_transformer_blocks\.", "single_blocks."),
    (r"^(double.*)\.attn\.to_([qkv])\.", r"\1.img_attn_qkv.\2."),
    (r"^(double.*)\.attn\.add_([qkv])_proj\.", r"\1.txt_attn_qkv.\2."),
    (r"^(double.*)\.attn\.norm_([qk])\.", r"\1.img_attn_\2_norm."),
    (r"^(double.*)\.attn\.norm_added_([qk])\.", r"\1.txt_attn_\2_norm."),
    (r"^(double.*)\.attn\.to_out\.0\.", r"\1.img_attn_proj."),
    (r"^(double.*)\.attn\.to_add_out\.", r"\1.txt_attn_proj."),
    (r"^(double.*)\.norm1\.linear\.", r"\1.img_mod.linear."),
    (r"^(double.*)\.norm1_context\.linear\.", r"\1.txt_mod.linear."),
    (r"^(double.*)\.ff\.net\.0\.proj\.", r"\1.img_mlp.fc1."), (r"^(double.*)\.ff\.net\.2\.", r"\1.img_mlp.fc2."),
    (r"^(double.*)\.ff_context\.net\.0\.proj\.", r"\1.txt_mlp.fc1."),
    (r"^(double.*)\.ff_context\.net\.2\.", r"\1.txt_mlp.fc2."),
    (r"^(single.*)\.attn\.to_([qkv])\.", r"\1.linear1.\2."), (r"^(single.*)\.proj_mlp\.", r"\1.linear1.w."),
    (r"^(single.*)\.attn\.norm_([qk])\.", r"\1.\2_norm."), (r"^(single.*)\.proj_out\.", r"\1.linear2."),
    (r"^(single.*)\.norm\.linear\.", r"\1.modulation.linear."),
    (r"^norm_out\.linear\.", "final_layer.adaLN_modulation.1."), (r"^proj_out\.", "final_layer.linear."),
)  # fmt: skip
HUNYUAN_COMFYUI: Rules = (
    (r"^txt_in\.([tc])_embedder\.(mlp\.0|linear_1)\.", r"txt_in.\1_embedder.in_layer."),
    (r"^txt_in\.([tc])_embedder\.(mlp\.2|linear_2)\.", r"txt_in.\1_embedder.out_layer."),
    (r"_mod\.linear\.", "_mod.lin."), (r"_attn_(qkv|proj)\.", r"_attn.\1."), (r"mlp\.fc1\.", "mlp.0."),
    (r"mlp\.fc2\.", "mlp.2."), (r"_attn_q_norm\.weight", "_attn.norm.query_norm.scale"),
    (r"_attn_k_norm\.weight", "_attn.norm.key_norm.scale"), (r"\.q_norm\.weight", ".norm.query_norm.scale"),
    (r"\.k_norm\.weight", ".norm.key_norm.scale"), (r"\.modulation\.linear\.", ".modulation.lin."),
    (r"_in\.mlp\.0\.", "_in.in_layer."), (r"_in\.mlp\.2\.", "_in.out_layer."),
)  # fmt: skip
T5_AUTHORS: Rules = (
    (r"^shared\.", "token_embedding."), (r"^encoder\.final_layer_norm\.", "norm."),
    (r"^encoder\.block\.(\d+)\.layer\.0\.layer_norm\.", r"blocks.\1.norm1."),
    (r"^encoder\.block\.(\d+)\.layer\.1\.layer_norm\.", r"blocks.\1.norm2."),
    (r"^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.relative_attention_bias\.",
     r"blocks.\1.pos_embedding.embedding."),
    (r"^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.", r"blocks.\1.attn."),
    (r"^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_0\.", r"blocks.\1.ffn.gate.0."),
    (r"^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_1\.", r"blocks.\1.ffn.fc1."),
    (r"^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wo\.", r"blocks.\1.ffn.fc2."),
)  # fmt: skip
T5_GGUF: Rules = (
    (r"^shared\.", "token_embd."), (r"^encoder\.final_layer_norm\.", "enc.output_norm."),
    (r"^encoder\.block\.(\d+)\.layer\.0\.layer_norm\.", r"enc.blk.\1.attn_norm."),
    (r"^encoder\.block\.(\d+)\.layer\.1\.layer_norm\.", r"enc.blk.\1.ffn_norm."),
    (r"^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.relative_attention_bias\.", r"enc.blk.\1.attn_rel_b."),
    (r"^encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.", r"enc.blk.\1.attn_"),
    (r"^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_0\.", r"enc.blk.\1.ffn_gate."),
    (r"^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_1\.", r"enc.blk.\1.ffn_up."),
    (r"^encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wo\.", r"enc.blk.\1.ffn_down."),
)  # fmt: skip
RESIDUAL: Rules = (
    (r"\.norm1\.", ".residual.0."), (r"\.conv1\.", ".residual.2."), (r"\.norm2\.", ".residual.3."),
    (r"\.conv2\.", ".residual.6."), (r"\.conv_shortcut\.", ".shortcut."),
)  # fmt: skip
WAN_VAE_ENDS: Rules = (
    (r"^quant_conv\.", "conv1."), (r"^post_quant_conv\.", "conv2."), (r"coder\.conv_in\.", "coder.conv1."),
    (r"coder\.norm_out\.", "coder.head.0."), (r"coder\.conv_out\.", "coder.head.2."),
    (r"coder\.mid_block\.resnets\.0\.", "coder.middle.0."), (r"coder\.mid_block\.resnets\.1\.", "coder.middle.2."),
    (r"coder\.mid_block\.attentions\.0\.", "coder.middle.1."),
)  # fmt: skip
LTX_VAE_DOWN = ("down_blocks.0", "down_blocks.0.downsamplers.0", "down_blocks.0.conv_out", "down_blocks.1",
                "down_blocks.1.downsamplers.0", "down_blocks.1.conv_out", "down_blocks.2",
                "down_blocks.2.downsamplers.0", "down_blocks.3", "mid_block")  # fmt: skip
LTX_VAE_UP = ("mid_block", "up_blocks.0", "up_blocks.1.upsamplers.0", "up_blocks.1", "up_blocks.2.conv_in",
              "up_blocks.2.upsamplers.0", "up_blocks.2", "up_blocks.3.conv_in", "up_blocks.3.upsamplers.0",
              "up_blocks.3")  # fmt: skip


def renamed(tensors: Mapping[str, torch.Tensor], rules: Rules) -> Tensors:
    """Returns tensors under the names that the rules give them, each applied in order."""
    found: Tensors = {}
    for name, tensor in tensors.items():
        for pattern, new in rules:
            name = re.sub(pattern, new, name)
        found[name] = tensor
    return found


def wan(tensors: Tensors) -> Tensors:
    """Wan's authors' names, of all its transformers."""
    return renamed(tensors, WAN)


def ltx(tensors: Tensors) -> Tensors:
    """LTX-Video's authors' names."""
    return renamed(tensors, LTX)


def ltx2(tensors: Tensors) -> Tensors:
    """LTX-2's authors' names."""
    return renamed(tensors, LTX2)


def hunyuan(tensors: Tensors) -> Tensors:
    """HunyuanVideo's authors' names: queries, keys, values and the first layer of the block after them in one."""
    apart, joined, found = renamed(tensors, HUNYUAN), {}, {}
    for name, tensor in apart.items():
        match = re.fullmatch(r"(.*(?:_qkv|linear1))\.([qkvw])\.(weight|bias)", name)
        if match:
            joined.setdefault((match[1], match[3]), {})[match[2]] = tensor
        elif name.startswith("final_layer.adaLN"):
            found[name] = torch.cat(tensor.chunk(2)[::-1])
        else:
            found[name] = tensor
    return found | {
        f"{layer}.{kind}": torch.cat([parts[one] for one in "qkvw" if one in parts])
        for (layer, kind), parts in joined.items()
    }


def hunyuan_comfyui(tensors: Tensors) -> Tensors:
    """The names that ComfyUI gives HunyuanVideo."""
    return renamed(hunyuan(tensors), HUNYUAN_COMFYUI)


def t5(tensors: Tensors) -> Tensors:
    """The names of T5 and UMT5 in Wan's own repository."""
    return renamed(without_tied(tensors), T5_AUTHORS)


def t5_gguf(tensors: Tensors) -> Tensors:
    """The names of T5 and UMT5 in GGUF files."""
    return renamed(without_tied(tensors), T5_GGUF)


def without_tied(tensors: Tensors) -> Tensors:
    """Drops the second name of T5's table of words."""
    return {name: one for name, one in tensors.items() if name != "encoder.embed_tokens.weight"}


def wan_21_vae(tensors: Tensors) -> Tensors:
    """Wan 2.1's VAE: one row of layers on each side."""
    found: Tensors = {}
    for name, one in renamed(renamed(tensors, RESIDUAL), WAN_VAE_ENDS).items():
        name = re.sub(r"^encoder\.down_blocks\.", "encoder.downsamples.", name)
        up = re.match(r"^decoder\.up_blocks\.(\d)\.(resnets|upsamplers)\.(\d)\.(.*)", name)
        if up:
            place = 4 * int(up[1]) + (int(up[3]) if up[2] == "resnets" else 3)
            name = f"decoder.upsamples.{place}.{up[4]}"
        found[name] = one
    return found


def wan_22_vae(tensors: Tensors) -> Tensors:
    """Wan 2.2's VAE: rows of layers within rows."""
    found: Tensors = {}
    rows = {name: int(match[1]) for name in tensors if (match := re.search(r"blocks\.\d+\.resnets\.(\d+)", name))}
    last = {
        side: max(row for name, row in rows.items() if name.startswith(side)) + 1 for side in ("encoder", "decoder")
    }
    for name, one in renamed(renamed(tensors, RESIDUAL), WAN_VAE_ENDS).items():
        side = name.partition(".")[0]
        way = "down" if side == "encoder" else "up"
        name = re.sub(rf"\.{way}_blocks\.(\d+)\.resnets\.(\d+)\.", rf".{way}samples.\1.{way}samples.\2.", name)
        name = re.sub(
            rf"\.{way}_blocks\.(\d+)\.{way}sampler\.", rf".{way}samples.\1.{way}samples.{last.get(side)}.", name
        )
        found[name] = one
    return found


def hunyuan_vae(tensors: Tensors) -> Tensors:
    """HunyuanVideo's VAE as ComfyUI saves it."""
    ups = 1 + max(int(match[1]) for name in tensors if (match := re.match(r"decoder\.up_blocks\.(\d+)", name)))
    found: Tensors = {}
    for name, one in tensors.items():
        name = re.sub(r"^encoder\.down_blocks\.(\d+)\.resnets\.", r"encoder.down.\1.block.", name)
        name = re.sub(r"^encoder\.down_blocks\.(\d+)\.downsamplers\.0\.", r"encoder.down.\1.downsample.", name)
        up = re.match(r"^decoder\.up_blocks\.(\d+)\.(.*)", name)
        if up:
            rest = up[2].replace("resnets.", "block.").replace("upsamplers.0.", "upsample.")
            name = f"decoder.up.{ups - 1 - int(up[1])}.{rest}"
        for old, new in (
            ("mid_block.resnets.0.", "mid.block_1."), ("mid_block.resnets.1.", "mid.block_2."),
            ("mid_block.attentions.0.group_norm.", "mid.attn_1.norm."),
            ("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out."),
            ("mid_block.attentions.0.to_", "mid.attn_1."), ("conv_shortcut", "nin_shortcut"),
            ("conv_norm_out", "norm_out"),
        ):  # fmt: skip
            name = name.replace(old, new)
        is_point = ".attn_1." in name and name.endswith("weight") and one.ndim == 2
        found[name] = one[..., None, None, None] if is_point else one
    return found


def ltx_vae(tensors: Tensors) -> Tensors:
    """LTX-Video 0.9.0's VAE."""
    found: Tensors = {}
    for name, one in tensors.items():
        for side, places, way in (("encoder", LTX_VAE_DOWN, "down"), ("decoder", LTX_VAE_UP, "up")):
            fitting = [place for place in places if name.startswith(f"{side}.{place}.")]
            if fitting:
                place = max(fitting, key=len)
                name = f"{side}.{way}_blocks.{places.index(place)}.{name.removeprefix(f'{side}.{place}.')}"
                break
        for old, new in (("conv_shortcut.conv", "conv_shortcut"), ("resnets", "res_blocks"), ("norm3", "norm3.norm")):
            name = name.replace(old, new)
        name = {
            "latents_mean": "per_channel_statistics.mean-of-means",
            "latents_std": "per_channel_statistics.std-of-means",
        }.get(name, name)
        found[name] = one
    return found | {"per_channel_statistics.channel": torch.zeros(1)}


SD_RESNET: Rules = (
    (r"\.norm1\.", ".in_layers.0."), (r"\.conv1\.", ".in_layers.2."), (r"\.time_emb_proj\.", ".emb_layers.1."),
    (r"\.norm2\.", ".out_layers.0."), (r"\.conv2\.", ".out_layers.3."), (r"\.conv_shortcut\.", ".skip_connection."),
)  # fmt: skip
SD_ENDS: Rules = (
    (r"^time_embedding\.linear_1\.", "time_embed.0."), (r"^time_embedding\.linear_2\.", "time_embed.2."),
    (r"^conv_in\.", "input_blocks.0.0."), (r"^conv_norm_out\.", "out.0."), (r"^conv_out\.", "out.2."),
    (r"^mid_block\.resnets\.0\.", "middle_block.0."), (r"^mid_block\.attentions\.0\.", "middle_block.1."),
    (r"^mid_block\.resnets\.1\.", "middle_block.2."),
)  # fmt: skip


def sd_unet(tensors: Tensors) -> Tensors:
    """Stable Diffusion's U-Net as its authors and ComfyUI save it: one row of blocks on each side."""
    row = 2 + max(int(match[1]) for name in tensors if (match := re.match(r"down_blocks\.0\.resnets\.(\d+)", name)))
    with_attention = {match[1] for name in tensors if (match := re.match(r"(up_blocks\.\d+)\.attentions\.", name))}
    found: Tensors = {}
    for name, one in tensors.items():
        match = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", name)
        if match is None:
            kept = renamed({name: one}, SD_ENDS)
            found |= renamed(kept, SD_RESNET) if ".resnets." in name else kept
            continue
        way, block, what, place, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
        start = f"input_blocks.{row * block + place + 1}" if way == "down" else f"output_blocks.{row * block + place}"
        if what == "resnets":
            found |= renamed({f"{start}.0.{rest}": one}, SD_RESNET)
        elif what == "attentions":
            found[f"{start}.1.{rest}"] = one
        elif what == "downsamplers":
            found[f"input_blocks.{row * (block + 1)}.0.{rest.replace('conv', 'op', 1)}"] = one
        else:
            last = 2 if f"up_blocks.{block}" in with_attention else 1
            found[f"output_blocks.{row * block + row - 1}.{last}.{rest}"] = one
    return found


def sd_vae(tensors: Tensors) -> Tensors:
    """Stable Diffusion's VAE: HunyuanVideo's names, for images."""
    return {
        name: one[..., 0] if ".attn_1." in name and one.ndim == 5 else one for name, one in hunyuan_vae(tensors).items()
    }


def with_prefix(prefix: str, tensors: Tensors) -> Tensors:
    """Returns tensors with something before their names."""
    return {f"{prefix}{name}": one for name, one in tensors.items()}


def scaled(tensors: Tensors, suffix: str = ".scale_weight", kind: torch.dtype = FP8) -> tuple[Tensors, Tensors]:
    """Returns tensors with every large matrix in 8 bits and a scale, and what they then mean."""
    stored, meant = dict(tensors), dict(tensors)
    most = torch.finfo(kind).max
    for name, one in tensors.items():
        if name.endswith(".weight") and one.ndim == 2 and "embed" not in name and "shared" not in name:
            scale = (one.abs().max() / most).float()
            stored[name] = (one / scale).to(kind)
            stored[name.removesuffix(".weight") + suffix] = scale
            meant[name] = stored[name].float() * scale
    return stored, meant


def write_gguf(path: Path, tensors: Tensors, kind: str = "Q8_0", arch: str = "wan") -> Path:
    """Writes a GGUF file; what does not divide into blocks of 32 stays in float32."""
    import gguf

    writer = gguf.GGUFWriter(str(path), arch)
    chosen = gguf.GGMLQuantizationType[kind]
    for name, one in tensors.items():
        values = one.float().contiguous().numpy()
        if one.ndim == 2 and one.shape[1] % 32 == 0 and name.endswith(".weight"):
            writer.add_tensor(name, gguf.quants.quantize(values, chosen), raw_dtype=chosen)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


Layout = Callable[[Tensors], Tensors]


def tensors_of(folder: Path, component: str) -> Tensors:
    """Returns the plain weights of a component of a checkpoint."""
    from safetensors.torch import load_file

    files = [one for one in sorted((folder / component).glob("*.safetensors")) if ".fp16" not in one.name]
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def write(path: Path, tensors: Mapping[str, Any]) -> Path:
    """Writes a safetensors file."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: one.contiguous().clone() for name, one in tensors.items()}, path, metadata={"format": "pt"})
    return path
