"""Gives weights in the names of their authors, or of ComfyUI, those of the class that is loaded.

diffusers' own conversions do that where they exist. They expect a prefix here and none there, know one version of some
names, or one size of the model; what they are given is brought into that form first. The names are those that the
authors' repositories and ComfyUI save.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Tensors = dict[str, Any]
Rules = tuple[tuple[str, str], ...]
Before = Callable[[Tensors, Mapping[str, Any]], Tensors]

HUNYUAN_FROM_COMFYUI: Rules = (
    (r"^txt_in\.t_embedder\.in_layer\.", "txt_in.t_embedder.mlp.0."),
    (r"^txt_in\.t_embedder\.out_layer\.", "txt_in.t_embedder.mlp.2."),
    (r"^txt_in\.c_embedder\.in_layer\.", "txt_in.c_embedder.linear_1."),
    (r"^txt_in\.c_embedder\.out_layer\.", "txt_in.c_embedder.linear_2."),
    (r"(_attn)\.norm\.query_norm\.scale$", r"\1_q_norm.weight"),
    (r"(_attn)\.norm\.key_norm\.scale$", r"\1_k_norm.weight"),
    (r"\.norm\.query_norm\.scale$", ".q_norm.weight"),
    (r"\.norm\.key_norm\.scale$", ".k_norm.weight"),
    (r"_mod\.lin\.", "_mod.linear."),
    (r"\.modulation\.lin\.", ".modulation.linear."),
    (r"(img|txt|self)_attn\.(qkv|proj)\.", r"\1_attn_\2."),
    (r"(img_mlp|txt_mlp|\.mlp)\.0\.", r"\1.fc1."),
    (r"(img_mlp|txt_mlp|\.mlp)\.2\.", r"\1.fc2."),
    (r"^(time_in|guidance_in)\.in_layer\.", r"\1.mlp.0."),
    (r"^(time_in|guidance_in)\.out_layer\.", r"\1.mlp.2."),
)
# The embedders' own `mlp.0` is no feed-forward layer.
HUNYUAN_BACK: Rules = ((r"(t_embedder|time_in|guidance_in)\.mlp\.fc1\.", r"\1.mlp.0."),
                       (r"(t_embedder|time_in|guidance_in)\.mlp\.fc2\.", r"\1.mlp.2."))  # fmt: skip
T5_FROM_AUTHORS: Rules = (
    (r"^token_embedding\.", "shared."),
    (r"^norm\.", "encoder.final_layer_norm."),
    (r"^blocks\.(\d+)\.norm1\.", r"encoder.block.\1.layer.0.layer_norm."),
    (r"^blocks\.(\d+)\.norm2\.", r"encoder.block.\1.layer.1.layer_norm."),
    (r"^blocks\.(\d+)\.attn\.([qkvo])\.", r"encoder.block.\1.layer.0.SelfAttention.\2."),
    (r"^blocks\.(\d+)\.pos_embedding\.embedding\.", r"encoder.block.\1.layer.0.SelfAttention.relative_attention_bias."),
    (r"^pos_embedding\.embedding\.", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias."),
    (r"^blocks\.(\d+)\.ffn\.gate\.0\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_0."),
    (r"^blocks\.(\d+)\.ffn\.fc1\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_1."),
    (r"^blocks\.(\d+)\.ffn\.fc2\.", r"encoder.block.\1.layer.1.DenseReluDense.wo."),
)
T5_FROM_GGUF: Rules = (
    (r"^token_embd\.", "shared."),
    (r"^enc\.output_norm\.", "encoder.final_layer_norm."),
    (r"^enc\.blk\.(\d+)\.attn_norm\.", r"encoder.block.\1.layer.0.layer_norm."),
    (r"^enc\.blk\.(\d+)\.ffn_norm\.", r"encoder.block.\1.layer.1.layer_norm."),
    (r"^enc\.blk\.(\d+)\.attn_([qkvo])\.", r"encoder.block.\1.layer.0.SelfAttention.\2."),
    (r"^enc\.blk\.(\d+)\.attn_rel_b\.", r"encoder.block.\1.layer.0.SelfAttention.relative_attention_bias."),
    (r"^enc\.blk\.(\d+)\.ffn_gate\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_0."),
    (r"^enc\.blk\.(\d+)\.ffn_up\.", r"encoder.block.\1.layer.1.DenseReluDense.wi_1."),
    (r"^enc\.blk\.(\d+)\.ffn_down\.", r"encoder.block.\1.layer.1.DenseReluDense.wo."),
)
WAN_22_VAE: Rules = (
    (r"^conv1\.", "quant_conv."),
    (r"^conv2\.", "post_quant_conv."),
    (r"^(en|de)coder\.conv1\.", r"\1coder.conv_in."),
    (r"^(en|de)coder\.head\.0\.", r"\1coder.norm_out."),
    (r"^(en|de)coder\.head\.2\.", r"\1coder.conv_out."),
    (r"^(en|de)coder\.middle\.0\.", r"\1coder.mid_block.resnets.0."),
    (r"^(en|de)coder\.middle\.1\.", r"\1coder.mid_block.attentions.0."),
    (r"^(en|de)coder\.middle\.2\.", r"\1coder.mid_block.resnets.1."),
    (r"^encoder\.downsamples\.(\d+)\.downsamples\.\d+\.(resample|time_conv)\.",
     r"encoder.down_blocks.\1.downsampler.\2."),
    (r"^decoder\.upsamples\.(\d+)\.upsamples\.\d+\.(resample|time_conv)\.", r"decoder.up_blocks.\1.upsampler.\2."),
    (r"^encoder\.downsamples\.(\d+)\.downsamples\.(\d+)\.", r"encoder.down_blocks.\1.resnets.\2."),
    (r"^decoder\.upsamples\.(\d+)\.upsamples\.(\d+)\.", r"decoder.up_blocks.\1.resnets.\2."),
    (r"\.residual\.0\.", ".norm1."),
    (r"\.residual\.2\.", ".conv1."),
    (r"\.residual\.3\.", ".norm2."),
    (r"\.residual\.6\.", ".conv2."),
    (r"\.shortcut\.", ".conv_shortcut."),
)  # fmt: skip
HUNYUAN_VAE: Rules = (
    (r"^encoder\.down\.(\d+)\.block\.(\d+)\.", r"encoder.down_blocks.\1.resnets.\2."),
    (r"^encoder\.down\.(\d+)\.downsample\.", r"encoder.down_blocks.\1.downsamplers.0."),
    (r"^decoder\.up_blocks\.(\d+)\.block\.(\d+)\.", r"decoder.up_blocks.\1.resnets.\2."),
    (r"^decoder\.up_blocks\.(\d+)\.upsample\.", r"decoder.up_blocks.\1.upsamplers.0."),
    (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
    (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
    (r"\.mid\.attn_1\.norm\.", ".mid_block.attentions.0.group_norm."),
    (r"\.mid\.attn_1\.([qkv])\.", r".mid_block.attentions.0.to_\1."),
    (r"\.mid\.attn_1\.proj_out\.", ".mid_block.attentions.0.to_out.0."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
    (r"coder\.norm_out\.", "coder.conv_norm_out."),
)
UP = re.compile(r"^decoder\.up\.(\d+)\.")
LINEAR1 = re.compile(r"^single_blocks\.(\d+)\.linear1\.(weight|bias)$")


def conversion_of(loader: Any) -> Callable[[Mapping[str, Any], Tensors], Tensors] | None:
    """Returns what gives weights the names of a class; None where other names than its own are not known.

    Args:
        loader: a class of diffusers or transformers.

    Returns:
        A function of the class's config and name -> tensor, names without the prefix of a whole file. It may take
        tensors on the meta device, and raises anything where they are not of such a model.
    """
    name = loader.__name__
    if name.startswith(("T5Encoder", "UMT5Encoder")):
        return _t5
    before = next((function for start, function in BEFORE if name.startswith(start)), None)
    own = _of_diffusers(loader)
    if name == "AutoencoderKLHunyuanVideo":
        return _hunyuan_vae
    if own is None:
        return None
    return lambda settings, tensors: _converted(own, before, settings, tensors)


def _converted(own: Any, before: Before | None, settings: Mapping[str, Any], given: Tensors) -> Tensors:
    if own.__name__ == "convert_wan_vae_to_diffusers" and _has(given, r"\.(up|down)samples\.\d+\.(up|down)samples\."):
        return renamed(given, WAN_22_VAE)
    if before is not None:
        given = before(given, settings)
    converted: Tensors = own(config=dict(settings), checkpoint=dict(given))
    return converted


def _of_diffusers(loader: Any) -> Any:
    import diffusers
    from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES as KNOWN

    for name, functions in KNOWN.items():
        if issubclass(loader, getattr(diffusers, name)):
            return functions["checkpoint_mapping_fn"]
    return None


def renamed(tensors: Mapping[str, Any], rules: Rules) -> Tensors:
    """Returns tensors under the names that rules give them, each applied in order."""
    found: Tensors = {}
    for name, tensor in tensors.items():
        for pattern, new in rules:
            name = re.sub(pattern, new, name)
        found[name] = tensor
    return found


def _with_prefix(prefix: str) -> Before:
    return lambda tensors, _settings: {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _hunyuan(tensors: Tensors, settings: Mapping[str, Any]) -> Tensors:
    """Gives ComfyUI's names those of the authors, and splits what diffusers splits for one width alone."""
    found = renamed(renamed(tensors, HUNYUAN_FROM_COMFYUI), HUNYUAN_BACK)
    width = settings["num_attention_heads"] * settings["attention_head_dim"]
    for name in [one for one in found if LINEAR1.match(one)]:
        block, kind = LINEAR1.match(name).groups()  # type: ignore[union-attr]
        whole = found.pop(name)
        query, key, value, mlp = whole.split([width, width, width, whole.shape[0] - 3 * width], dim=0)
        start = f"single_transformer_blocks.{block}"
        found |= {f"{start}.attn.to_{one}.{kind}": part for one, part in zip("qkv", (query, key, value), strict=True)}
        found[f"{start}.proj_mlp.{kind}"] = mlp
    return found


def _hunyuan_vae(settings: Mapping[str, Any], tensors: Tensors) -> Tensors:
    last = len(settings["block_out_channels"]) - 1
    turned = {
        UP.sub(lambda found: f"decoder.up_blocks.{last - int(found[1])}.", name): one for name, one in tensors.items()
    }
    found = renamed(turned, HUNYUAN_VAE)
    return {name: _as_linear(name, one) for name, one in found.items()}


def _as_linear(name: str, tensor: Any) -> Any:
    """Returns the weight of a convolution over single points as that of a linear layer."""
    is_attention = ".attentions.0.to_" in name and name.endswith(".weight")
    return tensor.flatten(1) if is_attention and tensor.ndim > 2 else tensor


def _t5(_settings: Mapping[str, Any], tensors: Tensors) -> Tensors:
    if _has(tensors, r"^enc\.blk\."):
        return renamed(tensors, T5_FROM_GGUF)
    return renamed(tensors, T5_FROM_AUTHORS) if _has(tensors, r"^blocks\.\d+\.attn\.") else dict(tensors)


def _has(names: Mapping[str, Any], pattern: str) -> bool:
    return any(re.search(pattern, name) for name in names)


BEFORE = (
    ("HunyuanVideo", _hunyuan),
    ("AutoencoderKLLTXVideo", _with_prefix("vae.")),
    ("CosmosTransformer", _with_prefix("net.")),
    ("UNet2DCondition", _with_prefix("model.diffusion_model.")),
)
