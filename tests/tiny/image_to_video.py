"""Tiny random checkpoints of pipelines that make a video from an image and that no family is written for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.tiny import wan
from tests.tiny.stable_diffusion import wake

SIDE = 224
"""Of what the image encoders see, pixels."""


def skyreels_v2_i2v(folder: Path) -> Path:
    """Saves a SkyReelsV2ImageToVideoPipeline, which can be driven stage by stage and has an image encoder."""
    from diffusers import SkyReelsV2ImageToVideoPipeline, SkyReelsV2Transformer3DModel

    torch.manual_seed(0)
    sizes = {**wan.sizes(), "in_channels": 36, "out_channels": 16, "image_dim": 8}
    encoder, processor = image_encoder(8)
    SkyReelsV2ImageToVideoPipeline(
        **wan.shared_parts(folder), transformer=SkyReelsV2Transformer3DModel(**sizes).eval(), image_encoder=encoder,
        image_processor=processor,
    ).save_pretrained(folder)  # fmt: skip
    return wan.as_published(folder)


def stable_video_diffusion(folder: Path) -> Path:
    """Saves a StableVideoDiffusionPipeline, which takes no text and cannot be driven stage by stage."""
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )

    torch.manual_seed(0)
    unet = UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 32), layers_per_block=1, sample_size=4, in_channels=8, out_channels=4,
        cross_attention_dim=8, num_attention_heads=2, projection_class_embeddings_input_dim=24,
        addition_time_embed_dim=8, down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
    )  # fmt: skip
    wake(unet)
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32), layers_per_block=1, down_block_types=("DownEncoderBlock2D",) * 2
    )
    encoder, processor = image_encoder(8)
    scheduler = EulerDiscreteScheduler(
        prediction_type="v_prediction", sigma_max=700.0, sigma_min=0.002, timestep_type="continuous",
        use_karras_sigmas=True, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1,
    )  # fmt: skip
    StableVideoDiffusionPipeline(
        vae=vae.eval(), image_encoder=encoder, unet=unet.eval(), scheduler=scheduler, feature_extractor=processor
    ).save_pretrained(folder)
    return folder


def image_encoder(width: int) -> tuple[Any, Any]:
    """Returns a random CLIP image encoder with embeddings of a width, and its processor."""
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(4)
    config = CLIPVisionConfig(
        hidden_size=width, projection_dim=width, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE,
        intermediate_size=16, patch_size=56, initializer_factor=4.0,
    )  # fmt: skip
    size = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    return CLIPVisionModelWithProjection(config).eval(), CLIPImageProcessor(**size)
