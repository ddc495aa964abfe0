"""A Wan option driven as conf/model says, beside the stock pipeline with the same settings given by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.configs import model_of
from tests.models.driven import Case, Driven, assert_equals_stock, drive
from vgpipe.models.base import Settings


@dataclass
class Pair:
    """A family and the stock pipeline on one checkpoint."""

    driven: Driven
    stock: Any
    kwargs: dict[str, Any]

    def call(self, case: Case, output_type: str, **more: Any) -> Any:
        return self.stock(
            prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
            num_frames=case.num_frames, num_inference_steps=case.num_inference_steps,
            guidance_scale=case.guidance_scale, generator=torch.Generator().manual_seed(case.seed),
            output_type=output_type, **self.kwargs, **more,
        ).frames  # fmt: skip

    def assert_equal(self, case: Case, **more: Any) -> None:
        frames = self.call(case, "np", **more)[0]
        assert len(frames) == case.num_frames and np.isfinite(frames).all()
        assert frames.std(axis=(1, 2)).min() > 0.01 and np.ptp(frames, axis=0).max() > 0.01
        assert_equals_stock(self.driven, case, self.call(case, "latent", **more), frames)


def settings_of(option: str, dtype: str, variant: str | None = None) -> tuple[str, Settings]:
    """Returns an option's family and settings."""
    model = model_of(option)
    return model.family, Settings(
        dtype=dtype,
        component_dtypes=dict(model.component_dtypes),
        variant=variant,
        max_sequence_length=model.max_sequence_length,
        scheduler=model.scheduler.name,
        scheduler_config=dict(model.scheduler.config),
        pipeline_kwargs=dict(model.pipeline_kwargs),
    )


def pair(
    option: str,
    folder: Path,
    stock: str,
    flow_shift: float,
    *,
    dtype: str = "float32",
    variant: str | None = None,
    **kwargs: Any,
) -> Pair:
    """Opens a checkpoint both ways; what follows `folder` says how to call the stock pipeline."""
    import diffusers

    dtypes = {"default": getattr(torch, dtype), "vae": torch.float32, "text_encoder": torch.bfloat16}
    if (folder / "image_encoder").is_dir():
        dtypes["image_encoder"] = torch.float32
    pipeline = getattr(diffusers, stock).from_pretrained(folder, torch_dtype=dtypes, variant=variant)
    scheduler = diffusers.UniPCMultistepScheduler.from_config(pipeline.scheduler.config, flow_shift=flow_shift)
    pipeline.register_modules(scheduler=scheduler)
    pipeline.set_progress_bar_config(disable=True)
    name, settings = settings_of(option, dtype, variant)
    return Pair(drive(name, folder, settings), pipeline, kwargs)
