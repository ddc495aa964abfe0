"""A pipeline without a family file, run in one piece."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ConfigError, ModelError
from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.families.generic_base import SOUND_OUTPUTS, GenericBase
from vgpipe.models.pipeline.packed_video import packed, unpacked
from vgpipe.models.pipeline.stock_calls import accepted, step_hook, to_sound, to_uint8

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vgpipe.models.resumable import ResumableScheduler
    from vgpipe.sound.record import Sound

log = logging.getLogger(__name__)

VIDEOS = ("frames", "images", "video")
BATCHED = "audio"
"""The output whose first axis is that of the prompts; `sound` is of the one prompt."""


class GenericWhole(GenericBase):
    """Runs the stock call in one piece: the texts are its input, frames and sound are what it denoises to."""

    way_in_keys = "Whole"

    @property
    def encode_components(self) -> tuple[str, ...]:
        """What encoding needs: nothing."""
        return ()

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs: everything."""
        return self.loadable

    @property
    def decode_components(self) -> tuple[str, ...]:
        """What decoding needs: nothing."""
        return ()

    def way(self) -> str:
        """Returns how the pipeline is driven, in words."""
        reason = self.source.obstacle or "model.family=generic_whole asks for it"
        return f"run whole: {reason}; all of it is in memory at once, and a stopped clip begins again"

    def draft_obstacle(self) -> str | None:
        """Returns why nothing can be shown of a clip in the middle of denoising: its frames are all there is."""
        return f"{self.pipeline} is run whole, so that nothing can be shown before its end -> leave draft out"

    def check_cache(self) -> None:
        """Refuses a step cache, which was proved stage by stage alone.

        Raises:
            ConfigError: where one is chosen.
        """
        if self.settings.cache is not None:
            name = self.settings.cache.name
            raise ConfigError(f"quality.cache={name}: {self.pipeline} is run in one piece -> quality.cache=none")

    def encode(self, components: Components, text: str) -> Embeds:
        """Returns the text itself, (1, bytes) uint8."""
        import torch

        return {"text": torch.tensor([list(text.encode())], dtype=torch.uint8)}

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Runs the stock pipeline from the texts to frames (T, H, W, 3) uint8."""
        pipeline = self.build(self.pipeline_for(request), {**components, "scheduler": scheduler.wrapped})
        steps = itertools.count(1)

        def at_step_end(_steps: int, _latents: torch.Tensor) -> None:
            request.on_step_end(min(next(steps), request.num_inference_steps), None)

        texts = {"prompt": _text(request.embeds), "negative_prompt": _text(request.negative_embeds)}
        blank = replace(request, embeds={}, negative_embeds=None, latents=None)
        arguments = {**self.call_arguments(pipeline, blank), **texts, "output_type": "np"}
        output = pipeline(**accepted(pipeline, arguments), **step_hook(pipeline, at_step_end))
        frames_THWC = self._frames(output)
        made, asked = frames_THWC.shape[:3], (request.num_frames, request.height, request.width)
        if made != asked:
            sizes = [f"{count} frames of {width}x{height}" for count, height, width in (made, asked)]
            log.warning("%s made %s where the clip asks for %s", self.pipeline, *sizes)
        return packed(Decoded(frames_THWC, self._sound(output)))

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Returns the frames and the sound unchanged."""
        return unpacked(request.latents)

    def _frames(self, output: Any) -> np.ndarray:
        """Returns the one video of a pipeline's output, (T, H, W, 3) uint8."""
        import numpy as np

        found = next((one for name in VIDEOS if (one := getattr(output, name, None)) is not None), None)
        frames = np.asarray(found)
        if frames.ndim == 5 and len(frames) != 1:
            raise ModelError(
                f"{self.pipeline} gives {len(frames)} videos and a clip is one -> leave what asks for several out of "
                "model.pipeline_kwargs, and clip.takes=N"
            )
        frames = frames[0] if frames.ndim == 5 else frames
        if frames.ndim != 4:
            raise ModelError(f"{self.pipeline} gives no frames -> choose another model.id")
        if frames.dtype == np.uint8:
            return frames
        return to_uint8(frames, self.settings, self.loadable)

    def _sound(self, output: Any) -> Sound | None:
        """Returns the sound of a pipeline's output; None where it gives none, or at no known rate."""
        import torch

        rate = self.sound_rate_hz()
        found = next((one for name in SOUND_OUTPUTS if (one := getattr(output, name, None)) is not None), None)
        if rate is None or found is None:
            return None
        waveform = torch.as_tensor(found)
        is_batch = waveform.ndim == 3 or getattr(output, BATCHED, None) is not None
        one = waveform[0] if is_batch else waveform
        return to_sound(one.reshape(-1, one.shape[-1]), rate, self.settings, self.loadable)


def _text(embeds: Embeds | None) -> str | None:
    return None if embeds is None else bytes(embeds["text"][0].tolist()).decode()
