"""Drafts and finishes one clip at the level of stages, as the executor does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tests.models.driven import Case, Driven
from vgpipe.job.clip import Clip
from vgpipe.models.base import Embeds, Windows
from vgpipe.stages import checkpoints, denoise
from vgpipe.stages.denoise_run import DenoiseHooks
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

LATENTS = Key("denoise", {"clip": 1})


def preview_key(steps: int) -> Key:
    return Key("preview", {"latents": LATENTS.digest, "steps": steps})


@dataclass
class Drafting:
    """One clip in a store of its own.

    `every` are the steps between checkpoints, `stops` is asked after each step.
    """

    root: Path
    driven: Driven
    case: Case
    every: int = 1000
    stops: Callable[[], bool] = lambda: False
    seen: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(self.root)
        one, texts = self.driven.family, self.driven.of(self.driven.family.encode_components)
        case = self.case
        self.embeds: Embeds = one.encode(texts, case.prompt)
        self.negative = (
            one.encode(texts, case.negative_prompt) if one.uses_negative_prompt(case.guidance_scale) else None
        )
        self.windows: Windows | None = self.driven.windows(case)

    def run(self) -> torch.Tensor:
        """Denoises to the end, from a checkpoint where there is one."""
        artifact = denoise.run(self.store, LATENTS, self.clip, **self._arguments())
        assert artifact is not None
        return denoise.read(artifact).latents

    def draft(self, steps: int) -> torch.Tensor:
        """Denoises to a step and returns what is shown."""
        artifact = denoise.run_draft(
            self.store, LATENTS, preview_key(steps), self.clip, steps=steps, **self._arguments()
        )
        assert artifact is not None
        return denoise.read(artifact).latents

    def is_drafted(self, steps: int) -> bool:
        return denoise.is_drafted(self.store, LATENTS, preview_key(steps), steps)

    def preview(self, steps: int) -> Artifact | None:
        return Store(self.root).find(preview_key(steps))

    @property
    def checkpoint(self) -> int:
        """The steps that the checkpoint on the disk has done; 0 without one."""
        return checkpoints.steps_of(self.store, LATENTS)

    @property
    def clip(self) -> Clip:
        case = self.case
        return Clip(
            id="clip", model="tiny", prompt=case.prompt, negative_prompt=case.negative_prompt, seed=case.seed,
            width=case.width, height=case.height, num_frames=case.num_frames, fps=case.fps,
            num_inference_steps=case.num_inference_steps, guidance_scale=case.guidance_scale,
        )  # fmt: skip

    def _arguments(self) -> dict[str, Any]:
        one, given = self.driven.family, self.case.frames_NHWC
        self.seen.clear()
        return {
            "family": one,
            "components": self.driven.of(one.denoise_components(from_image=given is not None)),
            "embeds": self.embeds,
            "negative_embeds": self.negative,
            "device": "cpu",
            "hooks": DenoiseHooks(
                checkpoint_steps=self.every, checkpoint_interval_s=0, should_stop=self.stops, on_step=self.seen.append
            ),
            "given_NHWC": given,
            "windows": self.windows,
        }
