"""Denoises a clip with a step cache through the stage and its checkpoints, stopping and going on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tests.models.driven import Case, Driven
from vgpipe.errors import Stopped
from vgpipe.job.clip import Clip
from vgpipe.models.base import Embeds
from vgpipe.models.caches.choice import StepCache
from vgpipe.stages import denoise
from vgpipe.stages.denoise_run import DenoiseHooks
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.vocabulary import FIRSTBLOCK, MAGCACHE, SEACACHE, TAYLORSEER

CACHES = {
    SEACACHE: StepCache(name=SEACACHE, threshold=1.0),
    MAGCACHE: StepCache(name=MAGCACHE, threshold=0.5, mag_ratios=(1.0, 0.99)),
    FIRSTBLOCK: StepCache(name=FIRSTBLOCK, threshold=0.5),
    TAYLORSEER: StepCache(name=TAYLORSEER, interval=3),
}
"""With thresholds at which random weights skip about half of the steps."""


def with_cache(driven: Driven, cache: StepCache | None) -> Driven:
    """The same loaded parts, driven with a step cache."""
    family = driven.family
    return Driven(family.with_settings(replace(family.settings, cache=cache)), driven.components)


@dataclass(eq=False)
class ClipRun:
    """A clip in a store of its own."""

    driven: Driven
    case: Case
    folder: Path
    key: Key = field(default_factory=lambda: Key("denoise", {"of": "a test"}))

    def until(self, step: int | None = None) -> denoise.Denoised | None:
        """Denoises from the checkpoint, if there is one; stops after a step, or goes on to the end."""
        seen: list[int] = []
        with suppress(Stopped):
            artifact = denoise.run(Store(self.folder), self.key, **self._arguments(seen, step))
            self.skipped = artifact.info["skipped"]
            return denoise.read(artifact)
        return None

    def draft(self, steps: int) -> denoise.Denoised:
        """Drafts the clip, and gives what is shown of it."""
        store, preview = Store(self.folder), Key("preview", {"of": "a test"})
        return denoise.read(denoise.run_draft(store, self.key, preview, steps=steps, **self._arguments([], None)))

    def _arguments(self, seen: list[int], step: int | None) -> dict[str, Any]:
        case, one = self.case, self.driven.family
        clip = Clip(
            id="clip", model="tiny", prompt=case.prompt, negative_prompt=case.negative_prompt, seed=case.seed,
            width=case.width, height=case.height, num_frames=case.num_frames, fps=case.fps,
            num_inference_steps=case.num_inference_steps, guidance_scale=case.guidance_scale,
        )  # fmt: skip
        hooks = DenoiseHooks(
            checkpoint_steps=1000,
            checkpoint_interval_s=0,
            should_stop=lambda: step is not None and seen[-1] == step,
            on_step=seen.append,
        )
        uses_negative = one.uses_negative_prompt(case.guidance_scale)
        return {
            "clip": clip,
            "family": one,
            "components": self.driven.of(one.denoise_components(from_image=case.frames_NHWC is not None)),
            "embeds": self._embeds(case.prompt),
            "negative_embeds": self._embeds(case.negative_prompt) if uses_negative else None,
            "device": "cpu",
            "hooks": hooks,
            "given_NHWC": case.frames_NHWC,
            "windows": self.driven.windows(case),
        }

    @cache  # noqa: B019 (a run of a test)
    def _embeds(self, text: str) -> Embeds:
        return self.driven.family.encode(self.driven.of(self.driven.family.encode_components), text)

    def latents(self) -> torch.Tensor:
        """The clip's latents, made to the end."""
        return self.until().latents
