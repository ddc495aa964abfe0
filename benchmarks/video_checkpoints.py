"""Tiny random checkpoints of video pipelines that no option of vgpipe names, for `generic_pipelines.py`.

Each function saves into a folder and returns it. Sizes are those at which diffusers' own tests run these classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from tests.tiny import t5_text, wan
from tests.tiny.clip_text import text_encoder as clip_encoder
from tests.tiny.clip_text import tokenizer as clip_tokenizer
from tests.tiny.image_to_video import image_encoder
from tests.tiny.stable_diffusion import motion_adapter, wake

Build = Callable[[Path], Path]


def allegro(folder: Path) -> Path:
    """Saves an AllegroPipeline, whose VAE decodes in tiles alone."""
    from diffusers import AllegroPipeline, AllegroTransformer3DModel, AutoencoderKLAllegro, DDIMScheduler

    torch.manual_seed(0)
    vae = AutoencoderKLAllegro(
        down_block_types=("AllegroDownBlock3D",) * 4, up_block_types=("AllegroUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2,
        temporal_compression_ratio=4,
    )  # fmt: skip
    torch.nn.init.normal_(vae.decoder.conv_out.weight, std=0.5)  # frames of more than one grey
    transformer = AllegroTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, num_layers=1,
        cross_attention_dim=24, sample_width=8, sample_height=8, sample_frames=8, caption_channels=t5_text.WIDTH,
    )  # fmt: skip
    return _saved(AllegroPipeline, folder, **_t5(), vae=vae, transformer=transformer, scheduler=DDIMScheduler())


def skyreels_v2(folder: Path) -> Path:
    """Saves a SkyReelsV2Pipeline."""
    from diffusers import SkyReelsV2Pipeline, SkyReelsV2Transformer3DModel

    torch.manual_seed(0)
    return _like_wan(SkyReelsV2Pipeline, folder, transformer=SkyReelsV2Transformer3DModel(**wan.sizes()))


def skyreels_v2_df_i2v(folder: Path) -> Path:
    """Saves a SkyReelsV2DiffusionForcingImageToVideoPipeline."""
    from diffusers import SkyReelsV2DiffusionForcingImageToVideoPipeline, SkyReelsV2Transformer3DModel

    torch.manual_seed(0)
    made = SkyReelsV2Transformer3DModel(**wan.sizes())
    return _like_wan(SkyReelsV2DiffusionForcingImageToVideoPipeline, folder, transformer=made)


def chronoedit(folder: Path) -> Path:
    """Saves a ChronoEditPipeline."""
    from diffusers import ChronoEditPipeline, ChronoEditTransformer3DModel

    torch.manual_seed(0)
    sizes = {**wan.sizes(), "in_channels": 36, "out_channels": 16, "image_dim": 8}
    encoder, processor = image_encoder(8)
    return _like_wan(
        ChronoEditPipeline, folder, transformer=ChronoEditTransformer3DModel(**sizes), image_encoder=encoder,
        image_processor=processor, scheduler=_flow(),
    )  # fmt: skip


def helios(folder: Path) -> Path:
    """Saves a HeliosPipeline."""
    from diffusers import HeliosPipeline, HeliosScheduler, HeliosTransformer3DModel

    torch.manual_seed(0)
    transformer = HeliosTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16,
        text_dim=32, freq_dim=256, ffn_dim=32, num_layers=2, rope_dim=(4, 4, 4), has_multi_term_memory_patch=True,
        guidance_cross_attn=True, zero_history_timestep=True, is_amplify_history=False,
    )  # fmt: skip
    scheduler = HeliosScheduler(stage_range=[0, 1], stages=1, use_dynamic_shifting=True)
    return _like_wan(HeliosPipeline, folder, transformer=transformer, scheduler=scheduler)


def anyflow_far(folder: Path) -> Path:
    """Saves an AnyFlowFARPipeline."""
    from diffusers import AnyFlowFARPipeline, AnyFlowFARTransformer3DModel, FlowMapEulerDiscreteScheduler

    torch.manual_seed(0)
    transformer = AnyFlowFARTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16, text_dim=32, freq_dim=256,
        ffn_dim=32, num_layers=2, rope_max_seq_len=32, gate_value=0.25, deltatime_type="r",
    )  # fmt: skip
    scheduler = FlowMapEulerDiscreteScheduler(num_train_timesteps=1000, shift=5.0)
    return _like_wan(AnyFlowFARPipeline, folder, transformer=transformer, scheduler=scheduler)


def motif_video(folder: Path) -> Path:
    """Saves a MotifVideoPipeline, with a guider."""
    from diffusers import MotifVideoPipeline

    return _motif(MotifVideoPipeline, folder)


def motif_video_i2v(folder: Path) -> Path:
    """Saves a MotifVideoImage2VideoPipeline, with a guider."""
    from diffusers import MotifVideoImage2VideoPipeline
    from transformers import SiglipImageProcessor

    processor = SiglipImageProcessor(size={"height": 16, "width": 16})
    return _motif(MotifVideoImage2VideoPipeline, folder, image_embed_dim=4, feature_extractor=processor)


def _motif(kind: Any, folder: Path, image_embed_dim: int | None = None, **parts: Any) -> Path:
    from diffusers import AdaptiveProjectedGuidance, MotifVideoTransformer3DModel
    from transformers import SiglipVisionConfig, T5Gemma2EncoderConfig, T5Gemma2TextConfig
    from transformers.models.t5gemma2 import T5Gemma2Encoder

    torch.manual_seed(0)
    text = T5Gemma2TextConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=64,
        max_position_embeddings=128, head_dim=16, num_key_value_heads=2, dropout_rate=0.0,
    )  # fmt: skip
    vision = SiglipVisionConfig(
        hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, image_size=16, patch_size=4
    )
    transformer = MotifVideoTransformer3DModel(
        in_channels=33, out_channels=16, num_attention_heads=2, attention_head_dim=12, num_layers=1,
        num_single_layers=1, mlp_ratio=4.0, patch_size=1, patch_size_t=1, qk_norm="rms_norm", text_embed_dim=32,
        rope_axes_dim=(4, 4, 4), **({"image_embed_dim": image_embed_dim} if image_embed_dim else {}),
    )  # fmt: skip
    encoder = T5Gemma2Encoder(T5Gemma2EncoderConfig(text_config=text, vision_config=vision)).eval()
    return _like_wan(
        kind, folder, text_encoder=encoder, transformer=transformer, scheduler=_flow(),
        guider=AdaptiveProjectedGuidance(), **parts,
    )  # fmt: skip


def easy_animate(folder: Path) -> Path:
    """Saves an EasyAnimatePipeline."""
    from diffusers import EasyAnimatePipeline

    return _easy_animate(EasyAnimatePipeline, folder, 4)


def easy_animate_control(folder: Path) -> Path:
    """Saves an EasyAnimateControlPipeline."""
    from diffusers import EasyAnimateControlPipeline

    return _easy_animate(EasyAnimateControlPipeline, folder, 8)


def easy_animate_inpaint(folder: Path) -> Path:
    """Saves an EasyAnimateInpaintPipeline."""
    from diffusers import EasyAnimateInpaintPipeline

    return _easy_animate(EasyAnimateInpaintPipeline, folder, 9)


def _easy_animate(kind: Any, folder: Path, in_channels: int) -> Path:
    from diffusers import AutoencoderKLMagvit, EasyAnimateTransformer3DModel
    from transformers import Qwen2TokenizerFast, Qwen2VLConfig, Qwen2VLForConditionalGeneration

    from tests.tiny.hunyuan_video15 import _save_qwen_tokenizer

    torch.manual_seed(0)
    pieces = _save_qwen_tokenizer(folder / "tokenizer")
    text = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "vocab_size": pieces, "rope_theta": 1e6,
        "rope_scaling": {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"},
    }  # fmt: skip
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 1}
    encoder = Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=text, vision_config=vision)).eval()
    transformer = EasyAnimateTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=in_channels, out_channels=4, time_embed_dim=2,
        text_embed_dim=16, num_layers=1, sample_width=16, sample_height=16, patch_size=2,
    )  # fmt: skip
    vae = AutoencoderKLMagvit(
        down_block_types=("SpatialDownBlock3D", *("SpatialTemporalDownBlock3D",) * 3),
        up_block_types=("SpatialUpBlock3D", *("SpatialTemporalUpBlock3D",) * 3), block_out_channels=(8, 8, 8, 8),
        latent_channels=4, layers_per_block=1, norm_num_groups=2, spatial_group_norm=False,
    )  # fmt: skip
    tokenizer = Qwen2TokenizerFast.from_pretrained(folder / "tokenizer")
    return _saved(
        kind, folder, vae=vae, text_encoder=encoder, tokenizer=tokenizer, transformer=transformer,
        scheduler=_flow(),
    )  # fmt: skip


def hunyuan_skyreels_i2v(folder: Path) -> Path:
    """Saves a HunyuanSkyreelsImageToVideoPipeline."""
    from diffusers import HunyuanSkyreelsImageToVideoPipeline, HunyuanVideoTransformer3DModel
    from transformers import CLIPTokenizer, PreTrainedTokenizerFast

    from tests.tiny import hunyuan_video as tiny

    torch.manual_seed(0)
    pieces = tiny._save_llama_tokenizer(folder / "tokenizer")
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=8, out_channels=4, num_attention_heads=2, attention_head_dim=12, num_layers=1,
        num_single_layers=1, num_refiner_layers=1, mlp_ratio=2.0, text_embed_dim=16, pooled_projection_dim=8,
        rope_axes_dim=(4, 4, 4),
    )  # fmt: skip
    _saved(
        HunyuanSkyreelsImageToVideoPipeline, folder,
        tokenizer=PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer"), text_encoder=tiny._llama(pieces),
        tokenizer_2=CLIPTokenizer.from_pretrained(tiny._save_clip_tokenizer(folder / "tokenizer_2")),
        text_encoder_2=tiny._clip(), transformer=transformer, vae=tiny._vae(), scheduler=_flow(shift=7.0),
    )  # fmt: skip
    return tiny._as_published(folder)


def ltx_i2v_long(folder: Path) -> Path:
    """Saves an LTXI2VLongMultiPromptPipeline, whose schedule is not shifted by the size."""
    from diffusers import DiffusionPipeline, LTXI2VLongMultiPromptPipeline

    from tests import tiny

    parts = DiffusionPipeline.from_pretrained(tiny.build("ltx_video_2b", folder / "parts")).components
    return _saved(LTXI2VLongMultiPromptPipeline, folder, **{**parts, "scheduler": _flow()})


def i2vgen_xl(folder: Path) -> Path:
    """Saves an I2VGenXLPipeline."""
    from diffusers import I2VGenXLPipeline, I2VGenXLUNet

    torch.manual_seed(0)
    unet = I2VGenXLUNet(
        block_out_channels=(8, 16), layers_per_block=1, sample_size=4, in_channels=4, out_channels=4,
        cross_attention_dim=16, num_attention_heads=2, norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"), up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    )  # fmt: skip
    wake(unet)
    encoder, extractor = image_encoder(16)
    return _saved(
        I2VGenXLPipeline, folder, **_clip(), unet=unet, vae=_image_vae(), image_encoder=encoder,
        feature_extractor=extractor, scheduler=_ddim(),
    )  # fmt: skip


def pia(folder: Path) -> Path:
    """Saves a PIAPipeline."""
    from diffusers import MotionAdapter, PIAPipeline

    motion_adapter(folder / "adapter")
    adapter = MotionAdapter.from_pretrained(folder / "adapter")
    adapter = MotionAdapter.from_config({**adapter.config, "conv_in_channels": 9})
    wake(adapter)
    return _saved(
        PIAPipeline, folder, **_clip(), vae=_image_vae(), unet=_unet(), scheduler=_ddim(), motion_adapter=adapter
    )


def animatediff_pag(folder: Path) -> Path:
    """Saves an AnimateDiffPAGPipeline."""
    from diffusers import AnimateDiffPAGPipeline, MotionAdapter

    motion_adapter(folder / "adapter")
    adapter = MotionAdapter.from_pretrained(folder / "adapter")
    parts = {"vae": _image_vae(), "unet": _unet(), "scheduler": _ddim(), "motion_adapter": adapter}
    return _saved(AnimateDiffPAGPipeline, folder, **_clip(), **parts)


def _saved(kind: Any, folder: Path, **parts: Any) -> Path:
    modules = {name: one.eval() if isinstance(one, torch.nn.Module) else one for name, one in parts.items()}
    kind(**modules).save_pretrained(folder)
    return folder


def _like_wan(kind: Any, folder: Path, **parts: Any) -> Path:
    return wan.as_published(_saved(kind, folder, **{**wan.shared_parts(folder), **parts}))


def _t5() -> Mapping[str, Any]:
    return {"tokenizer": t5_text.tokenizer(), "text_encoder": t5_text.text_encoder()}


def _clip() -> Mapping[str, Any]:
    return {"tokenizer": clip_tokenizer(), "text_encoder": clip_encoder()}


def _flow(**config: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**config)


def _ddim() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False)


def _image_vae() -> Any:
    from diffusers import AutoencoderKL

    torch.manual_seed(3)
    return AutoencoderKL(
        block_out_channels=(8, 16), latent_channels=4, norm_num_groups=4, sample_size=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def _unet() -> Any:
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=4, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=16, attention_head_dim=2,
        norm_num_groups=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
