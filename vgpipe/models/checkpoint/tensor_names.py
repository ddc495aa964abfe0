"""What the names of a component's tensors say about who wrote them, before anything is loaded.

The facts are those of the tools that write such files: ComfyUI, kohya's and musubi's trainers, the models' authors,
bitsandbytes, quanto, torchao, GPTQ, AWQ and Nunchaku.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.safetensors_files import TensorFacts

WEIGHT = ".weight"
SCALES = (".scale_weight", ".weight_scale", ".weight_scale_inv")
"""Suffixes of what a layer's stored weights are multiplied by."""
FORMAT = ".comfy_quant"
"""Suffix of ComfyUI's description of how a layer is stored, JSON as bytes."""
SCALED_DTYPES = ("F8_E4M3", "F8_E5M2", "I8")
# The scales of activations count only where these are stored in 8 bits too; `scaled_fp8` only says that scales follow.
FOR_ACTIVATIONS = (".scale_input", ".input_scale")
MARKER = re.compile(r"(^|\.)scaled_fp8$")
# Copies of the tokenizer that ComfyUI keeps in the weight file of a text encoder.
TOKENIZERS = re.compile(r"(^|\.)(spiece_model|tekken_model|tokenizer_json)$")

QUANTIZED = (
    ("NVFP4 or MXFP8", r"\.weight_scale_2$|\.block_scale(_2)?$"),
    ("bitsandbytes", r"\.quant_state\.bitsandbytes__|\.(nested_)?(absmax|quant_map)$|\.SCB$"),
    ("SVDQuant (Nunchaku)", r"\.(wscales|wtscale|wcscales|wzeros|smooth|smooth_orig|smooth_factor(_orig)?)$"),
    ("GPTQ or AWQ", r"\.(qweight|qzeros|g_idx)$"),
    ("quanto", r"\.(weight\._(data|scale|shift|zeropoint)|weight_qtype)$"),
    ("torchao", r"\._?weight_(qdata|zero_point)$|\.tensor_impl\b"),
)
ORIGINAL = (
    # class, names that the class does not have
    ("", r"^(model\.)?diffusion_model\."),
    ("Wan", r"^blocks\.\d+\.(self_attn|cross_attn)\.|^(text|time)_embedding\.\d|^head\.head\."),
    ("HunyuanVideo", r"^(double|single)_blocks\.\d+\."),
    ("LTXVideo", r"^(patchify_proj|adaln_single)\."),
    ("LTX2Video", r"^(audio_)?(patchify_proj|adaln_single)\."),
    ("CogVideoX", r"^transformer\.layers\.\d+\.|^mixins\."),
    ("Mochi", r"^blocks\.\d+\.attn\.qkv_[xy]\."),
    ("AutoencoderKLWan", r"^(en|de)coder\.((down|up)samples|middle)\.\d+\."),
    ("Autoencoder", r"^(encoder\.down|decoder\.up)\.\d+\.block\.|^(encoder|decoder)\.mid\.block_1\."),
    ("T5Encoder", r"^blocks\.\d+\.attn\.[qkvo]\.|^token_embedding\."),
)
NAMED_ALIKE = ("AutoencoderKLLTX2Audio",)
"""Classes of diffusers that name their tensors as the authors do."""

ADAPTER = re.compile(r"\.(lora_(A|B|up|down)|lora\.(up|down)|lokr_w[12](_a)?|hada_w1_a)(\.|$)")


def is_adapter(names: Iterable[str]) -> bool:
    """Returns whether tensors are a LoRA's or the like, and no component's weights."""
    return any(ADAPTER.search(name) for name in names)


def scaled_weights(tensors: Mapping[str, TensorFacts]) -> dict[str, str]:
    """Returns weight -> its scale, of the layers that are stored in 8 bits with one.

    Args:
        tensors: name -> facts of a component's files.

    Raises:
        ModelError: where a scale belongs to no weight stored in 8 bits: what it means is not known.
    """
    found: dict[str, str] = {}
    for name in sorted(tensors):
        suffix = next((one for one in SCALES if name.endswith(one)), None)
        if suffix is None:
            continue
        weight = name.removesuffix(suffix) + WEIGHT
        stored = tensors[weight].dtype if weight in tensors else "missing"
        if stored not in SCALED_DTYPES or weight in found:
            raise ModelError(
                f"{name} is a scale of {weight}, which is {stored} and not stored in 8 bits -> "
                "take another file of this model"
            )
        found[weight] = name
    return found


def is_beside_weights(name: str) -> bool:
    """Returns whether a tensor is no weight: what describes scales, scales activations, or holds a tokenizer."""
    return bool(name.endswith((*FOR_ACTIVATIONS, FORMAT)) or MARKER.search(name) or TOKENIZERS.search(name))


def quantization_of(names: Iterable[str]) -> str | None:
    """Returns which quantizer's layout the names are of, if nothing here reads it; None for ordinary weights."""
    known = tuple(names)
    return next((label for label, pattern in QUANTIZED if any(re.search(pattern, name) for name in known)), None)


def is_originals(names: Iterable[str], class_name: str) -> bool:
    """Returns whether tensors are named as a model's authors or ComfyUI name them, and not as its class does.

    Args:
        names: of the tensors.
        class_name: in diffusers or transformers, of the component.
    """
    known = "" if class_name in NAMED_ALIKE else class_name
    patterns = [pattern for start, pattern in ORIGINAL if start in known]
    return any(re.search(pattern, name) for name in names for pattern in patterns)
