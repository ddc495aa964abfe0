"""What is the same of every pipeline that has no family file, driven stage by stage or run as a whole."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.pipeline.stock_source import StockSource
from vgpipe.models.text_reader import TextReader

log = logging.getLogger(__name__)

FRAME_COUNTS, RATES = ("num_frames", "video_length", "frames"), ("fps", "frame_rate")
LIMIT = "max_sequence_length"
TRUE_CFG = "true_cfg_scale"
OWN_DEFAULTS = ("width", "height", *FRAME_COUNTS, *RATES, "num_inference_steps", "guidance_scale")
SOUND_PARTS, SOUND_OUTPUTS = ("audio_", "sound_", "vocoder"), ("audio", "sound")
SOUND_SWITCHES = (
    "sample_audio",
    "enable_sound",
    "generate_audio",
)  # arguments of calls that make sound only if asked to
EXPECTED = ("width", "height", "num_inference_steps", "guidance_scale", "generator")


class GenericBase(StockFamily):
    """Drives a pipeline by what its source says.

    Attributes:
        source: what the pipeline's source says.
        loadable: components that may be loaded.
        never_loaded: components of another library.
        way_in_keys: how the pipeline is driven, as store keys name it.
    """

    name = "generic"
    source: ClassVar[StockSource]
    loadable: ClassVar[tuple[str, ...]]
    never_loaded: ClassVar[tuple[str, ...]]
    way_in_keys: ClassVar[str]

    def check(self) -> None:
        """Checks, without loading anything heavy, that what will be loaded is there; the rest is left alone."""
        needed = {*self.components(), "scheduler"}
        self.checkpoint.require(needed, self.checkpoint.component_names, variant=self.settings.variant)
        self.check_choices()

    def check_classes(self) -> None:
        """Checks that the installed libraries have its classes, and says how it is driven."""
        super().check_classes()
        own = {name: self.source.defaults.get(name) for name in OWN_DEFAULTS}
        defaults = ", ".join(f"{name}={value}" for name, value in own.items() if value is not None) or "none"
        log.info("%s is %s", self.pipeline, self.way())
        log.info("the defaults of %s's own call, which clip.* can set: %s", self.pipeline, defaults)
        ignored = [name for name in EXPECTED if name not in self.source.arguments]
        if ignored:
            log.warning("%s's call takes no %s: what clip.* sets is left out", self.pipeline, ", ".join(ignored))
        if self.never_loaded:
            log.info("%s is never loaded: only diffusers and transformers classes are", ", ".join(self.never_loaded))

    def way(self) -> str:
        """Returns how the pipeline is driven, in words."""
        raise NotImplementedError

    def uses_negative_prompt(self, guidance_scale: float) -> bool:
        """Returns whether the negative prompt is used at this guidance."""
        known = self.source.arguments
        return "negative_prompt" in known and (guidance_scale > 1 or "guidance_scale" not in known)

    def negative_prompt_obstacle(self, guidance_scale: float) -> str | None:
        """Returns why a negative prompt changes nothing at this guidance; None where it has an effect."""
        known, given = self.source.arguments, self.settings.pipeline_kwargs
        if "negative_prompt" not in known:
            return f"{self.pipeline} takes none"
        if TRUE_CFG in known:  # beside which `guidance_scale` is an input of the denoiser
            scale = given.get(TRUE_CFG, self.source.defaults.get(TRUE_CFG))
            if isinstance(scale, int | float) and scale <= 1:
                return f"{self.pipeline} uses none unless model.pipeline_kwargs.{TRUE_CFG} is above 1"
            return None
        return super().negative_prompt_obstacle(guidance_scale)

    def left_out(self) -> str | None:
        """Returns what its pipeline makes and vgpipe does not keep: sound, whatever library its components are of."""
        given = {**self.source.defaults, **self.settings.pipeline_kwargs}
        if any(given.get(name) is False for name in SOUND_SWITCHES if name in self.source.arguments):
            return None
        parts = [name for name in self.source.components if name.startswith(SOUND_PARTS)]
        have = [name for name in parts if name in self.checkpoint.component_names]
        is_always_made = not parts and set(SOUND_OUTPUTS) & set(self.source.outputs)
        if not have and not is_always_made:
            return None
        with_what = f" with its {' and '.join(have)}" if have else ""
        return f"{self.pipeline} makes sound{with_what}, and vgpipe keeps frames alone"

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text, where the source says so; else encoding shows it."""
        limit = {**self.source.defaults, **self.settings.pipeline_kwargs}.get(LIMIT)
        names = [name for name in self.loadable if name.startswith("tokenizer")]
        if self.source.form is None or len(names) != 1:
            return ()
        is_clip = self.checkpoint.class_name(names[0]).startswith("CLIP") and LIMIT not in self.source.arguments
        if not (isinstance(limit, int) or is_clip):
            return ()
        return (TextReader(tokenizer=names[0], limit=None if is_clip else limit, form=self.source.form),)

    def denoise_identity(self, *, from_image: bool) -> Mapping[str, Any]:
        """Returns, as plain values, everything about denoising that no clip says and that can change bits."""
        driven = {"pipeline": self.pipeline, "way": self.way_in_keys}
        return {**super().denoise_identity(from_image=from_image), **driven}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, under the names that this one has for length and rate."""
        fps = int(request.fps) if request.fps == int(request.fps) else request.fps
        named = {**dict.fromkeys(FRAME_COUNTS, request.num_frames), **dict.fromkeys(RATES, fps)}
        return {**named, **super().call_arguments(pipeline, request)}
