"""Tiny random checkpoints with an image VAE and CLIP: ModelScope's text to video, and Stable Diffusion 1.5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.tiny.clip_text import text_encoder, tokenizer

CHANNELS, GROUPS = (8, 16), 4


def text_to_video_ms(folder: Path) -> Path:
    """Saves a TextToVideoSDPipeline with DDIM, and a further fp16 variant."""
    from diffusers import TextToVideoSDPipeline, UNet3DConditionModel

    torch.manual_seed(0)
    unet = UNet3DConditionModel(
        sample_size=4, in_channels=4, out_channels=4, block_out_channels=CHANNELS, layers_per_block=1,
        cross_attention_dim=16, attention_head_dim=4, norm_num_groups=GROUPS,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"), up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    )  # fmt: skip
    wake(unet)
    pipeline = TextToVideoSDPipeline(
        vae=_vae(), text_encoder=text_encoder(), tokenizer=tokenizer(), unet=unet.eval(), scheduler=_ddim()
    )
    pipeline.save_pretrained(folder)
    pipeline.to(torch.float16).save_pretrained(folder, variant="fp16")
    return folder


def animatediff_sd15(folder: Path) -> Path:
    """Saves a StableDiffusionPipeline as SD 1.5 is, and in its folder `adapter` the motion adapter for it."""
    motion_adapter(folder / "adapter")
    return stable_diffusion(folder)


def stable_diffusion(folder: Path) -> Path:
    """Saves a StableDiffusionPipeline with PNDM and a safety checker, as SD 1.5 has them, in shards."""
    from diffusers import PNDMScheduler, StableDiffusionPipeline
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    vision = {**small, "image_size": 8, "patch_size": 4}
    checker = StableDiffusionSafetyChecker(CLIPConfig(text_config=small, vision_config=vision, projection_dim=8))
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )
    pipeline = StableDiffusionPipeline(**_parts(), scheduler=scheduler, safety_checker=checker)
    pipeline.save_pretrained(folder, max_shard_size="60KB")
    return folder


def text_to_video_zero(folder: Path) -> Path:
    """Saves a TextToVideoZeroPipeline, which cannot be driven stage by stage."""
    from diffusers import TextToVideoZeroPipeline

    pipeline = TextToVideoZeroPipeline(
        **_parts(), scheduler=_ddim(), safety_checker=None, requires_safety_checker=False
    )
    pipeline.save_pretrained(folder)
    return folder


def _parts() -> dict[str, Any]:
    from diffusers import UNet2DConditionModel
    from transformers import CLIPImageProcessor

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=4, block_out_channels=CHANNELS, layers_per_block=1, cross_attention_dim=16, attention_head_dim=2,
        norm_num_groups=GROUPS, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    return {
        "vae": _vae(),
        "text_encoder": text_encoder(),
        "tokenizer": tokenizer(),
        "unet": unet.eval(),
        "feature_extractor": CLIPImageProcessor(size=8, crop_size=8),
    }


def motion_adapter(folder: Path) -> Path:
    """Saves a MotionAdapter that fits `stable_diffusion`, and a further fp16 variant."""
    from diffusers import MotionAdapter

    torch.manual_seed(1)
    adapter = MotionAdapter(
        block_out_channels=CHANNELS, motion_layers_per_block=1, motion_num_attention_heads=2,
        motion_norm_num_groups=GROUPS, motion_max_seq_length=32,
    ).eval()  # fmt: skip
    wake(adapter)
    adapter.save_pretrained(folder)
    adapter.to(torch.float16).save_pretrained(folder, variant="fp16")
    return folder


def wake(module: Any) -> None:
    """Gives weights to what diffusers starts at zero: motion that does nothing would prove nothing."""
    for parameter in module.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)


def _vae() -> Any:
    from diffusers import AutoencoderKL

    torch.manual_seed(3)
    return AutoencoderKL(
        block_out_channels=CHANNELS, latent_channels=4, norm_num_groups=GROUPS, sample_size=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ).eval()  # fmt: skip


def _ddim() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1,
    )  # fmt: skip
