"""What the names of a LoRA's tensors say: which layout it is in, which layers it changes, and what is refused by name.

The layouts are those of diffusers, PEFT, ComfyUI, kohya's and musubi's trainers, DiffSynth-Studio and the models'
authors.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vgpipe.errors import ModelError

TEXT_ENCODER_STARTS = ("text_encoder", "lora_te", "te1_", "te2_", "cond_stage_model.", "text_encoders.")
SECOND_EXPERT = "transformer_2"
PREFIXES = (
    "base_model.model.", "pipe.dit.", "pipe.", "dit.", "model.diffusion_model.", "diffusion_model.", "model.",
    "transformer_2.", "transformer.", "unet.", "lora_unet_", "lora_transformer_", "lycoris_",
)  # fmt: skip


class Kind(StrEnum):
    """What a tensor of a LoRA's file is to its layer."""

    DOWN = "lora_A.weight"
    UP = "lora_B.weight"
    UP_BIAS = "lora_B.bias"
    ALPHA = "alpha"
    WEIGHT = "diff"
    BIAS = "diff_b"
    MODULATION = "diff_m"
    LOKR_W1 = "lokr_w1"
    LOKR_W1_A = "lokr_w1_a"
    LOKR_W1_B = "lokr_w1_b"
    LOKR_W2 = "lokr_w2"
    LOKR_W2_A = "lokr_w2_a"
    LOKR_W2_B = "lokr_w2_b"
    LOKR_T2 = "lokr_t2"
    HADA_W1_A = "hada_w1_a"
    HADA_W1_B = "hada_w1_b"
    HADA_W2_A = "hada_w2_a"
    HADA_W2_B = "hada_w2_b"
    HADA_T1 = "hada_t1"
    HADA_T2 = "hada_t2"
    DORA = "dora_scale"
    MAGNITUDE = "lora_magnitude_vector"
    OTHER = ""


OF_WHOLE_WEIGHTS = frozenset(kind for kind in Kind if kind.startswith(("lokr", "hada", "dora", "lora_mag")))
"""What makes a layer's adapter one that is computed as a change of its whole weight (`lora_deltas.py`)."""


LOW_RANK = re.compile(
    r"(?P<layer>.+?)\.(?:lora_(?P<letter>A|B|down|up)|lora(?:_linear_layer)?\.(?P<word>down|up))"
    r"(?:\.(?!(?:weight|bias)$)[\w-]+)?\.(?P<what>weight|bias)"  # PEFT puts an adapter's name before `weight`
)
WHOLE = re.compile(
    r"(?P<layer>.+?)\.(?P<kind>lokr_w[12](?:_[ab])?|lokr_t2|hada_w[12]_[ab]|hada_t[12]|dora_scale|lora_magnitude_vector)"
    r"(?:\.(?!weight$)[\w-]+)?(?:\.weight)?"
)
OTHER_ADAPTERS = (
    ("OFT", r"\.(oft_blocks|oft_R|oft_diag|R)(\.weight)?$"),
    ("(IA)3", r"\.ia3_l(\.|$)"),
    ("GLoRA", r"\.(a1|a2|b1|b2)\.weight$"),
)
# The blocks of each class's denoiser, under its own names and the authors'; to tell a LoRA of another model at once.
BLOCKS = (
    ("Wan", ("blocks", "vace_blocks")),
    ("HunyuanVideo", ("transformer_blocks", "single_transformer_blocks", "double_blocks", "single_blocks")),
    ("LTX", ("transformer_blocks",)),
    ("CogVideoX", ("transformer_blocks",)),
    ("Mochi", ("transformer_blocks", "blocks")),
    ("UNet", ("down_blocks", "up_blocks", "mid_block", "input_blocks", "output_blocks", "middle_block")),
)
BLOCK = re.compile(rf"^({'|'.join(sorted({one for _, names in BLOCKS for one in names}, key=len, reverse=True))})[._]")

HUNYUAN = re.compile(r"^(double|single)_blocks[._]\d+[._]")
# ComfyUI's and the trainers' names of HunyuanVideo's layers -> the authors', which diffusers converts.
HUNYUAN_NAMES = (
    (r"_attn\.(qkv|proj)$", r"_attn_\1"), (r"_mlp[._](?:0|fc1)$", "_mlp.fc1"), (r"_mlp[._](?:2|fc2)$", "_mlp.fc2"),
    (r"_mod[._]lin(ear)?$", "_mod.linear"), (r"(^|\.)modulation[._]lin(ear)?$", r"\1modulation.linear"),
)  # fmt: skip
WAN_UNDERSCORES = (
    (r"^blocks_(\d+)_(self|cross)_attn_(\w+)$", r"blocks.\1.\2_attn.\3"),
    (r"^blocks_(\d+)_ffn_(\d)$", r"blocks.\1.ffn.\2"),
    (r"^(text_embedding|time_embedding|time_projection)_(\d)$", r"\1.\2"),
    (r"^head_head$", "head.head"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor of a LoRA's file.

    Attributes:
        layer: what it changes, by the file's own name, prefix included.
        kind: what it is to that.
    """

    layer: str
    kind: Kind


def part_of(name: str) -> Part:
    """Returns which layer a tensor is for, and what it is to that."""
    found = LOW_RANK.fullmatch(name)
    if found:
        is_down = (found["letter"] or found["word"]) in ("A", "down")
        kinds = {("weight", True): Kind.DOWN, ("weight", False): Kind.UP, ("bias", False): Kind.UP_BIAS}
        return Part(found["layer"], kinds.get((found["what"], is_down), Kind.OTHER))
    whole = WHOLE.fullmatch(name)
    if whole:
        return Part(whole["layer"], Kind(whole["kind"]))
    layer, _, last = name.rpartition(".")
    plain = last in (Kind.ALPHA, Kind.WEIGHT, Kind.BIAS, Kind.MODULATION)
    return Part(layer, Kind(last)) if layer and plain else Part(name, Kind.OTHER)


def bare(layer: str) -> str:
    """Returns a layer's name without the prefixes that tools put before it."""
    while True:
        shorter = next((layer.removeprefix(one) for one in PREFIXES if layer.startswith(one)), layer)
        if shorter == layer:
            return layer
        layer = shorter


def dotted(layer: str) -> str:
    """Returns the authors' name of a Wan layer that a trainer wrote with underscores; others as they are."""
    for pattern, name in WAN_UNDERSCORES:
        if re.match(pattern, layer):
            return re.sub(pattern, name, layer)
    return layer


def hunyuan_names(names: Iterable[str], class_name: str) -> dict[str, str]:
    """Returns name -> the one that diffusers converts, of a LoRA for HunyuanVideo in the names of other tools.

    Args:
        names: of the file's tensors.
        class_name: of the denoiser, in diffusers.

    Returns:
        Empty for another model, and for a file in diffusers' own names.
    """
    parts = {name: part_of(name) for name in names if not name.startswith(TEXT_ENCODER_STARTS)}
    if not class_name.startswith("HunyuanVideoTransformer"):
        return {}
    if not any(HUNYUAN.match(bare(part.layer)) for part in parts.values()):
        return {}
    return {
        name: f"transformer.{hunyuan_layer(bare(part.layer))}.{part.kind}"
        for name, part in parts.items()
        if part.kind is not Kind.OTHER
    }


def hunyuan_layer(layer: str) -> str:
    """Returns the authors' name of a HunyuanVideo layer in another tool's; others as they are."""
    layer = re.sub(r"^(double|single)_blocks_(\d+)_", r"\1_blocks.\2.", layer)
    for pattern, name in HUNYUAN_NAMES:
        layer = re.sub(pattern, name, layer)
    return layer


def refuse_other(path: str, names: Collection[str], class_name: str) -> None:
    """Refuses, by its names alone, a file that is no LoRA, or not one for a model of this class.

    Args:
        path: the file, for the message.
        names: of its tensors.
        class_name: of the denoiser, in diffusers.

    Raises:
        ModelError: naming the layout and what to do.
    """
    for label, pattern in OTHER_ADAPTERS:
        if any(re.search(pattern, name) for name in names):
            raise ModelError(
                f"model.loras: {path} is a {label}, which is not applied: only plain LoRAs are -> merge it into the "
                "model's weights with the tool that made it, or extract a plain LoRA from that"
            )
    parts = [part_of(name) for name in names]
    if all(name.startswith(TEXT_ENCODER_STARTS) for name in names):
        raise ModelError(
            f"model.loras: {path} changes the text encoder alone, and only denoisers are changed -> leave it out"
        )
    if all(part.kind in (Kind.OTHER, Kind.ALPHA) for part in parts):
        begins = ", ".join(sorted(names)[:3]) or "nothing"
        raise ModelError(
            f"model.loras: {path}: its tensors are not named as a LoRA's ({begins}) -> give a LoRA; a whole model's "
            "weights go into model.components"
        )
    _refuse_other_model(path, [part.layer for part in parts if part.kind is not Kind.OTHER], class_name)


def _refuse_other_model(path: str, layers: Iterable[str], class_name: str) -> None:
    mine = next((names for start, names in BLOCKS if class_name.startswith(start)), ())
    found = {match[1] for layer in layers if (match := BLOCK.match(bare(layer)))}
    if mine and found and not found & set(mine):
        raise ModelError(
            f"model.loras: {path} is for another model: it changes {', '.join(sorted(found))}, and a {class_name} has "
            f"{', '.join(mine)} -> give a LoRA made for this model"
        )


def leaves_bits(tensors: Mapping[str, object]) -> bool:
    """Returns whether diffusers' own conversion leaves nothing out of a file: no changes of norms or whole weights."""
    return not any(
        name.endswith((".diff", ".diff_m")) or (name.endswith(".diff_b") and "norm" in name) for name in tensors
    )
