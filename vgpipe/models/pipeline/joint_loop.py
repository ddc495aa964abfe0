"""The loop of a stock pipeline that denoises video and sound together, seen from outside as one tensor.

Shape suffixes: B batch, S video tokens, C video channels, L sound tokens, D sound channels, N numbers of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vgpipe.models.base import StepCallback
from vgpipe.models.pipeline.joint_latents import JointLayout, joined
from vgpipe.models.resumable import ResumableScheduler

if TYPE_CHECKING:
    import torch

VIDEO, SOUND = "latents", "audio_latents"
"""What the pipeline's loop calls its latents."""


class JointLoop:
    """Begins a stock loop with given latents, and tells of both after each step.

    Args:
        pipeline: about to be called; its `prepare_latents` and `prepare_audio_latents` are replaced, and its scheduler
            is a `ResumableScheduler`.
        layout: of the joint latents.
        sound_tokens: tokens of sound of the clip.
        given_BN: where the loop begins; None begins with noise. Tokens of the loop that come after those of the clip
            itself (keyframes) may be missing.
        on_step_end: called with (steps done in this pass, joint latents) after each step.
    """

    def __init__(
        self,
        pipeline: Any,
        layout: JointLayout,
        sound_tokens: int,
        given_BN: torch.Tensor | None,
        on_step_end: StepCallback,
    ):
        self._pipeline, self._on_step_end = pipeline, on_step_end
        self._given = None if given_BN is None else layout.split(given_BN, sound_tokens=sound_tokens)
        self._now: dict[str, torch.Tensor] = {}
        self._prepare_video, self._prepare_sound = pipeline.prepare_latents, pipeline.prepare_audio_latents
        pipeline.prepare_latents, pipeline.prepare_audio_latents = self._video, self._sound
        pipeline._callback_tensor_inputs = [*pipeline._callback_tensor_inputs, SOUND]

    def arguments(self) -> dict[str, Any]:
        """Returns what to add to the arguments of the stock call."""
        return {
            "callback_on_step_end": self._at_step_end,
            "callback_on_step_end_tensor_inputs": [VIDEO, SOUND],
        }

    def latents(self, *, video_tokens: int) -> torch.Tensor:
        """Returns the joint latents as the last step left them.

        Args:
            video_tokens: tokens of the clip itself, the first ones.
        """
        return joined(self._now[VIDEO][:, :video_tokens], self._now[SOUND])

    def _video(self, *args: Any, **kwargs: Any) -> Any:
        prepared = self._prepare_video(*args, **kwargs)
        fresh_BSC, *rest = prepared if isinstance(prepared, tuple) else (prepared,)
        self._now[VIDEO] = fresh_BSC if self._given is None else _begun(self._given[0], fresh_BSC)
        return (self._now[VIDEO], *rest) if isinstance(prepared, tuple) else self._now[VIDEO]

    def _sound(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        fresh_BLD = self._prepare_sound(*args, **kwargs)
        self._now[SOUND] = fresh_BLD if self._given is None else self._given[1].to(fresh_BLD)
        return self._now[SOUND]

    def _at_step_end(self, _pipeline: Any, step: int, _timestep: Any, now: Mapping[str, Any]) -> dict[str, Any]:
        self._now = {VIDEO: now[VIDEO], SOUND: now[SOUND]}
        scheduler: ResumableScheduler = self._pipeline.scheduler
        if scheduler.predicted is not None:
            scheduler.predicted = self._predicted(scheduler)
        joint_BN = joined(now[VIDEO], now[SOUND])
        self._on_step_end(step + 1, joint_BN)
        if scheduler.predicted is not None:
            self._replace(joint_BN)
        return {}

    def _predicted(self, scheduler: ResumableScheduler) -> torch.Tensor | None:
        """Returns what the model predicts both to become; beside an image, whose frame no step changes, that stays."""
        import torch

        video, sound = scheduler.predicted, scheduler.copies[-1].predicted
        if video is None or sound is None:
            return None
        if video.ndim != 3:  # (B, C, T, H, W) of the frames behind the image
            pipeline, kept = self._pipeline, self._now[VIDEO]
            sizes = pipeline.transformer_spatial_patch_size, pipeline.transformer_temporal_patch_size
            packed_BSC = pipeline._pack_latents(video, *sizes)
            video = torch.cat([kept[:, : kept.shape[1] - packed_BSC.shape[1]], packed_BSC.to(kept)], dim=1)
        return joined(video, sound)

    def _replace(self, joint_BN: torch.Tensor) -> None:
        """Writes what a preview shows into the tensors of the loop."""
        video_numbers = self._now[VIDEO].flatten(1).shape[1]
        for name, numbers in zip((VIDEO, SOUND), joint_BN.tensor_split([video_numbers], dim=1), strict=True):
            self._now[name].copy_(numbers.view_as(self._now[name]))


def _begun(given_BSC: torch.Tensor, fresh_BSC: torch.Tensor) -> torch.Tensor:
    """Returns the given latents, followed by the tokens of keyframes where those are not among them."""
    import torch

    return torch.cat([given_BSC.to(fresh_BSC), fresh_BSC[:, given_BSC.shape[1] :]], dim=1)
