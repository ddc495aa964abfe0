"""A family beside the stock pipeline of the same checkpoint."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from tests.configs import model_of
from tests.models.driven import Case, Driven, assert_equals_stock
from vgpipe.models.base import Settings


@dataclass
class Pair:
    """A family and the stock pipeline on one checkpoint, both loaded; `kwargs` are further arguments of the call."""

    driven: Driven
    pipeline: Any
    kwargs: dict[str, Any] = field(default_factory=dict)

    def stock(self, case: Case, output_type: str, **changes: Any) -> Any:
        arguments = {
            "prompt": case.prompt,
            "negative_prompt": case.negative_prompt,
            "height": case.height,
            "width": case.width,
            "num_frames": case.num_frames,
            "num_inference_steps": case.num_inference_steps,
            "guidance_scale": case.guidance_scale,
            "generator": torch.Generator().manual_seed(case.seed),
            "output_type": output_type,
        }
        self.pipeline.set_progress_bar_config(disable=True)
        known = inspect.signature(type(self.pipeline).__call__).parameters
        given = {**arguments, **self.kwargs, **changes}
        return self.pipeline(**{name: value for name, value in given.items() if name in known}).frames

    def assert_equal(self, case: Case) -> None:
        frames = self.stock(case, "np")[0]
        assert frames.shape == (case.num_frames, case.height, case.width, 3)
        assert np.isfinite(frames).all() and np.ptp(frames) > 0.1
        assert np.abs(np.diff(frames, axis=0)).max() > 0.01, "nothing moves"
        assert_equals_stock(self.driven, case, self.stock(case, "latent"), frames)

    def latents_of(self, case: Case, **changes: Any) -> torch.Tensor:
        """The family's latents of a changed case."""
        return self.driven.latents(replace(case, **changes))[0]


def settings_of(option: str, **changes: Any) -> Settings:
    """What conf/model says about an option."""
    model = model_of(option)
    settings = Settings(
        max_sequence_length=model.max_sequence_length,
        scheduler=model.scheduler.name,
        scheduler_config=dict(model.scheduler.config),
        pipeline_kwargs=dict(model.pipeline_kwargs),
    )
    return replace(settings, **changes)
