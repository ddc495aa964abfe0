"""Which models lie in a single weight file, by the names and shapes in its header alone.

People have such files from ComfyUI, from the models' authors and from those who quantize them. A file holds one
component under its authors' names, or several of them, each behind a prefix (`model.diffusion_model.`, `vae.`,
`text_encoders.umt5xxl.transformer.`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from vgpipe.models.checkpoint.safetensors_files import TensorFacts


class Role(StrEnum):
    """What a part does in a pipeline."""

    DENOISER = "denoiser"
    VAE = "VAE"
    TEXT_ENCODER = "text encoder"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model whose weights people have as a file.

    Attributes:
        label: what a message calls it.
        role: what it does.
        classes: how the names of the classes begin that read it, or all of one before `$`; none where no class of the
            libraries does.
        mark: of a tensor's name that only this kind has.
    """

    label: str
    role: Role
    classes: tuple[str, ...]
    mark: re.Pattern[str]

    def is_for(self, class_name: str) -> bool:
        """Returns whether a class of the libraries reads it."""
        return any(f"{class_name}$".startswith(one) for one in self.classes)


def _kind(role: Role, label: str, classes: str, mark: str) -> Kind:
    return Kind(label, role, tuple(classes.split()), re.compile(mark))


_DENOISER, _VAE, _TEXT = Role.DENOISER, Role.VAE, Role.TEXT_ENCODER
KINDS = (
    # The first whose mark some name has; so those that share names with others stand before them.
    _kind(_DENOISER, "Wan VACE transformer", "WanVACE", r"^vace_blocks\.\d"),
    _kind(_DENOISER, "Wan Animate transformer", "WanAnimate", r"^(face_adapter|motion_encoder)\."),
    _kind(
        _DENOISER, "Wan transformer", "WanTransformer SkyReelsV2 ChronoEdit AnyFlow",
        r"^blocks\.\d+\.(self_attn\.q|attn1\.to_q)\.(weight|lora)|^head\.head\.",
    ),
    _kind(_DENOISER, "HunyuanVideo 1.5 transformer", "HunyuanVideo15", r"^(byt5_in|vision_in)\.|^context_embedder_2\."),
    _kind(_DENOISER, "FramePack transformer", "HunyuanVideoFramepack", r"^(clean_x_embedder|image_projection)\."),
    _kind(
        _DENOISER, "HunyuanVideo transformer", "HunyuanVideoTransformer",
        r"^(txt_in\.individual_token_refiner|context_embedder\.token_refiner)\.",
    ),
    _kind(_DENOISER, "Flux transformer", "Flux", r"^double_blocks\.\d|^single_blocks\.\d"),
    _kind(_DENOISER, "LTX-2 transformer", "LTX2Video", r"^audio_(patchify_proj|proj_in|adaln_single)\."),
    _kind(_DENOISER, "LTX-Video transformer", "LTXVideo", r"^(patchify_proj|adaln_single)\."),
    _kind(_DENOISER, "Mochi transformer", "Mochi", r"^blocks\.\d+\.attn\.qkv_[xy]\.|^pos_frequencies$"),
    _kind(_DENOISER, "Cosmos transformer", "Cosmos",
          r"^blocks\.(block)?\d+\.(blocks\.0\.block\.attn|adaln_modulation)"),
    _kind(_DENOISER, "CogVideoX transformer in its authors' names", "", r"^transformer\.layers\.\d+\.|^mixins\."),
    _kind(_DENOISER, "CogVideoX transformer", "CogVideoX", r"^patch_embed\.text_proj\."),
    _kind(_DENOISER, "Stable Diffusion U-Net", "UNet2D UNetMotion",
          r"^(input|output|middle)_blocks?\.\d|^down_blocks\.0\.att"),
    _kind(Role.OTHER, "AnimateDiff motion module", "MotionAdapter", r"motion_modules\.\d+\.temporal_transformer\."),
    _kind(_VAE, "Wan 2.2 VAE", "AutoencoderKLWan", r"^(en|de)coder\.(down|up)samples\.\d+\.(down|up)samples\.\d"),
    _kind(_VAE, "Wan 2.1 VAE", "AutoencoderKLWan AutoencoderKLQwen", r"^(en|de)coder\.((down|up)samples|middle)\.\d"),
    _kind(_VAE, "LTX VAE", "AutoencoderKLLTX", r"^per_channel_statistics\.|^decoder\.up_blocks\.\d+\.res_blocks\."),
    _kind(
        _VAE, "HunyuanVideo VAE", "AutoencoderKLHunyuanVideo",
        r"^decoder\.up\.\d+\.block\.\d+\.conv1\.conv\.weight$",
    ),
    _kind(
        _VAE, "Stable Diffusion VAE", "AutoencoderKL$ AutoencoderTiny",
        r"^(encoder\.down|decoder\.up)\.\d+\.block\.|^(encoder|decoder)\.mid\.block_1\.",
    ),
    _kind(_VAE, "VAE", "Autoencoder", r"^((en|de)coder\.(conv|down|up|mid)|(post_)?quant_conv\.)"),
    _kind(_TEXT, "UMT5 text encoder", "UMT5", r"^encoder\.block\.1\.layer\.0\.SelfAttention\.relative_attention_bias"),
    _kind(_TEXT, "UMT5 text encoder", "UMT5", r"^blocks\.1\.pos_embedding\.|^enc\.blk\.1\.attn_rel_b\."),
    _kind(_TEXT, "T5 text encoder", "T5 MT5 UMT5",
          r"^encoder\.block\.\d+\.layer\.|^enc\.blk\.0\.|^blocks\.\d+\.attn\.[qkvo]\.w"),
    _kind(_TEXT, "CLIP text encoder", "CLIPText", r"^(text_model\.)?encoder\.layers\.\d+\.self_attn\.|^text_model\."),
    _kind(_TEXT, "Qwen2.5-VL text encoder", "Qwen2",
          r"^(model\.)?visual\.|^(model\.)*layers\.0\.self_attn\.q_proj\.bias$"),
    _kind(_TEXT, "Gemma text encoder", "Gemma", r"layers\.0\.(pre|post)_feedforward_layernorm\."),
    _kind(_TEXT, "Llama text encoder", "Llama Llava Mistral",
          r"^(model\.|language_model\.)*layers\.0\.|^blk\.0\.attn_q\."),
    _kind(Role.OTHER, "CLIP image encoder", "CLIPVision SiglipVision", r"^vision_model\.|^visual\.transformer\."),
    _kind(Role.OTHER, "vocoder in its authors' names", "", r"^(conv_pre|ups\.\d|resblocks\.\d|upsamplers\.\d)"),
)  # fmt: skip
OTHER_KIND = Kind("model of another kind", Role.OTHER, (), re.compile(r"$^"))

PREFIX = re.compile(
    r"(model\.diffusion_model\.|diffusion_model\.|first_stage_model\.|audio_vae\.|vae\.|vocoder\.|net\."
    r"|text_encoders\.[\w-]+\.(?:transformer\.|model\.)?|cond_stage_model\.(?:transformer\.)?"
    r"|conditioner\.embedders\.\d+\.(?:transformer\.)?|transformer\.(?!layers\.\d))"
)
AUDIO_PREFIXES = ("audio_vae.", "vocoder.")
LAYER = re.compile(r"^(?:blocks|transformer_blocks|double_blocks|transformer\.layers|blk)\.(?:block)?(\d+)\.")
WIDTHS = (
    "patch_embedding.weight", "img_in.proj.weight", "x_embedder.proj.weight", "patchify_proj.weight",
    "proj_in.weight", "patch_embed.proj.weight",
)  # fmt: skip
OF_IMAGES = re.compile(r"^(img_emb|condition_embedder\.image_embedder)\.")
CONV_DIMENSIONS, LINEAR_DIMENSIONS = 4, 2


@dataclass(frozen=True)
class Part:
    """The tensors of one model in a file.

    Attributes:
        kind: which.
        prefix: what stands before its own names in the file.
        tensors: its own name -> facts.
    """

    kind: Kind
    prefix: str
    tensors: Mapping[str, TensorFacts]

    @cached_property
    def size(self) -> Size:
        """How large it is, as far as names and shapes tell."""
        return size_of(self.tensors)

    def is_for(self, class_name: str) -> bool:
        """Returns whether a class of the libraries reads it."""
        return self.kind.is_for(class_name)


@dataclass(frozen=True, slots=True)
class Size:
    """What tells denoisers of one kind apart.

    Attributes:
        layers: blocks; None where that cannot be said.
        width: channels within it; likewise.
        channels: of the latents that it takes; likewise.
        has_image: whether it takes the embedding of an image.
    """

    layers: int | None
    width: int | None
    channels: int | None
    has_image: bool

    def differs(self, other: Size) -> bool:
        """Returns whether both cannot be of one model."""
        pairs = ((self.layers, other.layers), (self.width, other.width), (self.channels, other.channels))
        return self.has_image != other.has_image or any(None not in pair and pair[0] != pair[1] for pair in pairs)

    def __str__(self) -> str:
        """Returns it in words."""
        told = [
            f"{self.layers} layer{'s' * (self.layers > 1)}" if self.layers else "",
            f"{self.width:,} wide" if self.width else "",
            f"{self.channels} channels in" if self.channels else "",
            "an image embedding" if self.has_image else "",
        ]
        return ", ".join(filter(None, told))


def parts_in(tensors: Mapping[str, TensorFacts]) -> tuple[Part, ...]:
    """Returns the models whose weights a file holds, the largest number of tensors first.

    Args:
        tensors: name -> facts, by the file's header.
    """
    groups: dict[str, dict[str, TensorFacts]] = {}
    for name, facts in tensors.items():
        prefix = found[1] if (found := PREFIX.match(name)) else ""
        groups.setdefault(prefix, {})[name[len(prefix) :]] = facts
    kinds = {prefix: kind_of(group) for prefix, group in groups.items()}
    known = {prefix: kind for prefix, kind in kinds.items() if kind is not OTHER_KIND}
    if not known:  # the prefix may be a part of the names themselves
        return (Part(kind_of(tensors), "", dict(tensors)),)
    found_parts = [Part(kind, prefix, groups[prefix]) for prefix, kind in kinds.items() if kind is not OTHER_KIND]
    return tuple(sorted(found_parts, key=lambda one: -len(one.tensors)))


def kind_of(names: Iterable[str]) -> Kind:
    """Returns the kind of model that tensors are of, by their names without prefix; `OTHER_KIND` for none known."""
    listed = tuple(names)
    return next((kind for kind in KINDS if any(map(kind.mark.search, listed))), OTHER_KIND)


def part_for(class_name: str, tensors: Mapping[str, TensorFacts], component: str = "") -> Part:
    """Returns the part of a file that a class reads; the whole file where it holds only one model.

    Args:
        class_name: in diffusers or transformers.
        tensors: name -> facts, by the file's header.
        component: its name in model_index.json.
    """
    parts = parts_in(tensors)
    fitting = [one for one in parts if one.is_for(class_name)]
    with_sound = [one for one in fitting if component and one.prefix.startswith(f"{component}.")]
    chosen = with_sound or [one for one in fitting if one.prefix not in AUDIO_PREFIXES]
    if chosen or len(parts) == 1:
        return (chosen or list(parts))[0]
    return Part(OTHER_KIND, "", dict(tensors))


def is_known(class_name: str) -> bool:
    """Returns whether some kind here is of a class, so that a file of another kind is not for it."""
    return any(kind.is_for(class_name) for kind in KINDS)


def size_of(tensors: Mapping[str, TensorFacts]) -> Size:
    """Returns how large a denoiser is, by its tensors.

    Args:
        tensors: name without prefix -> facts.
    """
    layers = [int(found[1]) for name in tensors if (found := LAYER.match(name))]
    first = next((one for one in WIDTHS if one in tensors), None)
    shape = tensors[first].shape if first else ()
    tells_channels = len(shape) > CONV_DIMENSIONS or (len(shape) == CONV_DIMENSIONS and first == WIDTHS[-1])
    is_linear = len(shape) == LINEAR_DIMENSIONS and first in ("patchify_proj.weight", "proj_in.weight")
    return Size(
        layers=max(layers) + 1 if layers else None,
        width=shape[0] if shape else None,
        channels=shape[1] if tells_channels or is_linear else None,
        has_image=any(map(OF_IMAGES.match, tensors)),
    )


def size_in(config: Mapping[str, object]) -> Size:
    """Returns how large a denoiser is, by its config in diffusers."""
    heads, head_dim = config.get("num_attention_heads"), config.get("attention_head_dim")
    is_known = isinstance(heads, int) and isinstance(head_dim, int)
    layers, channels = config.get("num_layers"), config.get("in_channels")
    return Size(
        layers=layers if isinstance(layers, int) else None,
        width=heads * head_dim if is_known else None,  # type: ignore[operator]
        channels=channels if isinstance(channels, int) else None,
        has_image=bool(config.get("image_dim")),
    )
