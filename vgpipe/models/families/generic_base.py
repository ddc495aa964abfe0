"""What is the same of every pipeline that has no family file, driven stage by stage or run as a whole."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from vgpipe.errors import ModelError
from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.pipeline.stock_inputs import IMAGES, LAST_IMAGE, REQUIRED
from vgpipe.models.pipeline.stock_source import StockSource
from vgpipe.models.text_reader import TextReader

log = logging.getLogger(__name__)

FRAME_COUNTS, RATES = ("num_frames", "video_length", "frames"), ("fps", "frame_rate", "target_fps")
WITHOUT = ("safety_checker",)
"""Components that a pipeline goes without."""
LIMIT = "max_sequence_length"
TRUE_CFG = "true_cfg_scale"
OWN_DEFAULTS = ("width", "height", *FRAME_COUNTS, *RATES, "num_inference_steps", "guidance_scale")
SOUND_PARTS, SOUND_OUTPUTS = ("audio_", "sound_", "vocoder"), ("audio", "sound")
SOUND_SWITCHES = (
    "sample_audio",
    "enable_sound",
    "generate_audio",
)  # arguments of calls that make sound only if asked to
SOUND_RATES = (("vocoder", "output_sampling_rate"), ("sound_tokenizer", "sampling_rate"), ("audio_vae", "sample_rate"))
"""Components that make samples, the last one first, and where their config says how many a second."""
EXPECTED = ("prompt", "width", "height", "num_inference_steps", "guidance_scale", "generator")


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
        lacking = [name for name in self.never_loaded if name not in WITHOUT]
        if lacking:
            library = self.checkpoint.index[lacking[0]][0]
            reason = f"{self.pipeline} needs its {lacking[0]}, of library {library}, of which vgpipe loads no class"
            raise ModelError(f"{self.checkpoint.name}: {reason} -> choose another model.id")
        missing = [name for name in self.source.packages if importlib.util.find_spec(name) is None]
        if missing:
            remedy = f"pip install {missing[0]}, or choose another model.id"
            raise ModelError(f"{self.pipeline} needs the package {missing[0]}, which is not installed -> {remedy}")
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
        """Returns what its pipeline makes and vgpipe does not keep: sound whose rate its files do not say."""
        parts = self._sound_parts()
        if parts is None or self.sound_rate_hz() is not None:
            return None
        with_what = f" with its {' and '.join(parts)}" if parts else ""
        return f"{self.pipeline} makes sound{with_what}, and vgpipe keeps frames alone: no config says its rate"

    def sound_rate_hz(self) -> int | None:
        """Returns the samples a second of the sound that its pipeline makes; None for none or an unknown rate."""
        if self._sound_parts() is None:
            return None
        rates = [self._config_of(name).get(key) for name, key in SOUND_RATES]
        return next((rate for rate in rates if isinstance(rate, int)), None)

    def _config_of(self, component: str) -> Mapping[str, Any]:
        """Returns the config of a component that will be loaded; empty of any other, and where it has none."""
        try:
            return self.checkpoint.config(component) if component in self.loadable else {}
        except ModelError:
            return {}

    def _sound_parts(self) -> list[str] | None:
        """Returns the components that make sound, whatever library they are of; None where it makes none."""
        given = {**self.source.defaults, **self.settings.pipeline_kwargs}
        if any(given.get(name) is False for name in SOUND_SWITCHES if name in self.source.arguments):
            return None
        parts = [name for name in self.source.components if name.startswith(SOUND_PARTS)]
        have = [name for name in parts if name in self.checkpoint.component_names]
        is_always_made = not parts and set(SOUND_OUTPUTS) & set(self.source.outputs)
        return have if have or is_always_made else None

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
        rate = self.sound_rate_hz()
        sound = {} if rate is None else {"sound": rate}  # once it was not kept
        return {**super().denoise_identity(from_image=from_image), **driven, **sound}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, under the names that this one has for length and rate."""
        fps = int(request.fps) if request.fps == int(request.fps) else request.fps
        if request.frames_NHWC is None and self.source.image == REQUIRED:
            raise ModelError(f"{self.pipeline} makes videos from an image, and the clip has none -> clip.image=FILE")
        named = {**dict.fromkeys(FRAME_COUNTS, request.num_frames), **dict.fromkeys(RATES, fps)}
        arguments = super().call_arguments(pipeline, request)
        images = dict.fromkeys(IMAGES, arguments.get(IMAGES[0]))
        if request.last_frame_HWC is not None:
            from PIL import Image

            images[LAST_IMAGE] = Image.fromarray(request.last_frame_HWC)
        return {**named, **images, **arguments}
