"""What all families share: a stock diffusers pipeline that holds only the components a stage needs.

Decoding is the same stock call with no step left to do, so that latents are turned into frames by the pipeline's own
last lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vgpipe.errors import ModelError
from vgpipe.models import prediction
from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest, Embeds, LoadComponent, Settings
from vgpipe.models.caches import support
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.pipeline import exactness, memory_options
from vgpipe.models.pipeline.guidance_interval import guided_within
from vgpipe.models.pipeline.latent_layout import LatentLayout
from vgpipe.models.pipeline.restyling import restyling
from vgpipe.models.pipeline.stock_calls import accepted, pipeline_class_of, refuse_unknown, step_hook, to_uint8
from vgpipe.models.text_reader import TextReader
from vgpipe.models.weights import lora_fit, loras
from vgpipe.models.weights.quantize import name_in_keys
from vgpipe.models.windows.window_cuts import WindowCuts

if TYPE_CHECKING:
    import torch

    from vgpipe.models.resumable import ResumableScheduler
    from vgpipe.store.notes import Notes

NO_CONTINUATION = "leave continuation out and ask for fewer num_frames, or choose another model.id"


class StockFamily(LatentLayout):
    """A family whose stock pipeline takes prompt embeddings and latents, and gives latents.

    A family file names its classes and components, and overrides what its pipeline does differently.

    Attributes:
        name: as in `model.family`.
        decode_pipeline: class that decodes in its place, where its own call would do more than that; None where not.
        image_pipeline: class for clips that begin with an image; None where there is none.
        restyle_pipeline: class for clips that restyle a video, imported by those alone; None where there is none.
        takes_last_image: whether `image_pipeline` takes the last frame, too.
        takes_images: whether it takes frames at any place.
        text_components: those that encode a text.
        denoisers: components that denoise; those that the checkpoint lacks are left out.
        image_components: components that the image pipeline needs beside the denoisers.
        made_of: component -> the checkpoint's entries that it is built from, where it is not just its own.
        idle: components that a checkpoint may hold and that no stage needs.
        uses_fps: whether fps changes the latents.
        continuations: how it can continue beyond what the model can hold, best first (`Family.continuations`).
        window_cuts: how a denoiser's call is cut to a window of a long clip; None for a family without windows.
        has_guidance_interval: whether its pipeline asks at every step whether to guide.
    """

    name: ClassVar[str]
    decode_pipeline: ClassVar[str | None] = None
    image_pipeline: ClassVar[str | None] = None
    restyle_pipeline: ClassVar[str | None] = None
    takes_last_image: ClassVar[bool] = False
    takes_images: ClassVar[bool] = False
    text_components: ClassVar[tuple[str, ...]] = ("tokenizer", "text_encoder")
    denoisers: ClassVar[tuple[str, ...]] = ("transformer",)
    image_components: ClassVar[tuple[str, ...]] = ("vae",)
    made_of: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    idle: ClassVar[tuple[str, ...]] = ()
    uses_fps: ClassVar[bool] = False
    continuations: ClassVar[tuple[str, ...]] = ()
    window_cuts: ClassVar[WindowCuts | None] = None
    has_guidance_interval: ClassVar[bool] = False

    def __init__(self, checkpoint: Checkpoint, settings: Settings):
        super().__init__(checkpoint, settings)
        self._identities: dict[str, Mapping[str, Any]] = {}  # needed for every clip of a job

    def with_settings(self, settings: Settings) -> Self:
        """Returns a family for the same checkpoint, which both share, with other settings; checks nothing."""
        return type(self)(self.checkpoint, settings)

    @cached_property
    def encode_components(self) -> tuple[str, ...]:
        """What encoding needs."""
        return self.text_components

    @property
    def needs_last_image(self) -> bool:
        """Whether the checkpoint makes no clip without a last image; by default none does."""
        return False

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs: every denoiser that the checkpoint has, and what encodes an image."""
        return (*(self.present(self.denoisers) or self.denoisers[:1]), *(self.image_components if from_image else ()))

    @cached_property
    def decode_components(self) -> tuple[str, ...]:
        """What decoding needs."""
        return self.decoders

    def check(self) -> None:
        """Checks, without loading anything heavy, that the checkpoint is one that this family drives."""
        self.checkpoint.require({*self.components(), "scheduler"}, self.idle, variant=self.settings.variant)
        unknown = sorted(set(self.settings.component_dtypes) - set(self.checkpoint.component_names))
        if unknown:
            remedy = f"one of: {', '.join(self.checkpoint.component_names)}"
            raise ModelError(f"model.component_dtypes.{unknown[0]}: there is no such component -> {remedy}")
        self.check_choices()

    def check_choices(self) -> None:
        """Checks that the chosen adapters and memory options are available and fit; imports classes for some of them.

        Raises:
            ConfigError: naming the key of `memory` or `quality` that this model or machine has no way for.
            ModelError: naming the package, file or component.
        """
        self.check_scheduler()
        self.check_cache()
        denoisers = self.denoise_components(from_image=False)
        loras.check(self.settings.loras, denoisers, str((self.checkpoint.index.get(denoisers[0]) or [""])[-1]))
        roles = {"denoisers": self.present(self.denoisers), "decoders": self.present(self.decoders)}
        memory_options.check(self.checkpoint, self.settings, self.components(), **roles)

    def check_cache(self) -> None:
        """Checks, without loading or importing anything heavy, that the chosen step cache works with the denoisers.

        Raises:
            ConfigError: naming those that do.
        """
        support.check(self.checkpoint, self.settings.cache, self.present(self.denoisers))

    def unapplied(self, notes: Notes) -> Mapping[str, str]:
        """Returns, of each LoRA that is not applied whole, its file and what is left out."""
        told: dict[str, list[str]] = {}
        for component in self.present(self.denoisers):
            if component in self.made_of:  # of several checkpoints' files: only their own loader builds it
                continue
            for lora in loras.chosen(self.settings.loras, component):
                left = lora_fit.left_out(self.checkpoint, self.pipeline, component, lora, notes)
                told.setdefault(lora.path, []).extend([left] if left else [])
        return {path: "; ".join(parts) for path, parts in told.items() if parts}

    def check_classes(self) -> None:
        """Checks that the installed libraries have the classes of its pipeline and components; imports them."""
        names = (self.pipeline, self.decode_pipeline, self.image_pipeline)
        pipelines = [pipeline_class_of(name) for name in names if name]
        for component in self.components():
            self.checkpoint.component_class(component)
        refuse_unknown("model.scheduler.config", self.settings.scheduler_config, [type(self.scheduler())])
        refuse_unknown("model.pipeline_kwargs", self.settings.pipeline_kwargs, [one.__call__ for one in pipelines])

    def components(self) -> tuple[str, ...]:
        """Returns the components of the checkpoint that some stage loads, sorted."""
        denoising = self.denoise_components(from_image=self.image_pipeline is not None)
        used = {*self.encode_components, *denoising, *self.decode_components}
        return tuple(sorted({entry for component in used for entry in self._entries(component)}))

    def identity(self, component: str) -> Mapping[str, Any]:
        """Returns, as plain values, everything about a component that can change bits; files are hashed once."""
        if component not in self._identities:
            self._identities[component] = self._identity(component)
        return self._identities[component]

    def _identity(self, component: str) -> dict[str, Any]:
        entries = self._entries(component)
        adapters = loras.chosen(self.settings.loras, component) if component in self.denoisers else ()
        return {
            "files": {name: self.checkpoint.identity(name, self.settings.variant) for name in entries},
            "dtype": {name: self.settings.dtype_of(name) for name in entries},
            "quantization": {name: name_in_keys(self.settings.quantization.get(name)) for name in entries},
            "loras": [[lora.sha256, lora.weight, *lora.marks] for lora in adapters],
            **(exactness.marks(self.settings, exactness.DENOISERS) if component in self.denoisers else {}),
            **(exactness.marks(self.settings, exactness.DECODERS) if component in self.decoders else {}),
        }

    def denoise_identity(self, *, from_image: bool) -> Mapping[str, Any]:
        """Returns, as plain values, everything about denoising that no clip says and that can change bits."""
        return {
            "parts": {name: self.identity(name) for name in self.denoise_components(from_image=from_image)},
            "scheduler": self.scheduler_facts,
            "configs": {name: [self.checkpoint.index[name], self.checkpoint.config(name)] for name in self.decoders},
            "index": self.call_index(),
            "pipeline_kwargs": dict(self.settings.pipeline_kwargs),
            **({"cache": self.settings.cache.marks()} if self.settings.cache else {}),
        }

    def uses_negative_prompt(self, guidance_scale: float) -> bool:
        """Returns whether the negative prompt is used at this guidance."""
        return guidance_scale > 1

    def negative_prompt_obstacle(self, guidance_scale: float) -> str | None:
        """Returns why a negative prompt changes nothing at this guidance; None where it has an effect."""
        if self.uses_negative_prompt(guidance_scale):
            return None
        return f"guidance_scale {guidance_scale:g} turns guidance off"

    def draft_obstacle(self) -> str | None:
        """Returns why nothing can be shown of a clip in the middle of denoising; None where it can."""
        return prediction.obstacle(self.scheduler_name)

    def steps_obstacle(self, num_inference_steps: int) -> str | None:
        """Returns why no clip can have so many denoising steps: by default none may not."""
        return None

    def image_obstacle(self) -> str | None:
        """Returns why no clip can be given images here: by default nothing is in the way."""
        return None

    def interval_obstacle(self) -> str | None:
        """Returns why guidance cannot be limited to a part of the steps; None where it can."""
        if self.has_guidance_interval:
            return None
        reason = f"{self.pipeline} decides before its first step whether to guide, for all of them"
        return f"{reason} -> leave clip.guidance_start and clip.guidance_stop out"

    def left_out(self) -> str | None:
        """Returns what the pipeline makes and vgpipe does not keep: nothing."""
        return None

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizers are given a text: by default, one of them the text as it is."""
        return (TextReader(tokenizer="tokenizer", limit=self.settings.max_sequence_length),)

    def load(self, component: str, load_component: LoadComponent) -> Any:
        """Loads one component, its adapters included, and applies the memory options."""
        module = load_component(component)
        adapters = loras.chosen(self.settings.loras, component) if component in self.denoisers else ()
        if adapters:
            loras.apply(self.build(self.pipeline, {component: module}), adapters, component)
        if component in self.denoisers:
            memory_options.configure_denoiser(module, component, self.settings)
        if component in self.decoders:
            memory_options.configure_decoder(module, component, self.settings)
        return module

    def encode(self, components: Components, text: str) -> Embeds:
        """Encodes one text exactly as the stock pipeline does; CPU tensors with a leading batch of 1."""
        import torch

        pipeline = self.build(self.pipeline, components)
        with torch.no_grad():
            embeds = self.embeds(pipeline, text)
        return {name: tensor.cpu() for name, tensor in embeds.items()}

    def denoise(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Runs the stock pipeline to latents in its own layout and dtype, on the CPU; where asked to, in windows."""
        if self.settings.cache is None:
            return self._denoise(components, scheduler, request)
        from vgpipe.models.caches.hooks import caching

        denoisers = {name: components[name] for name in self.denoisers if name in components}
        steps = request.num_inference_steps
        with caching(self.settings.cache, denoisers, scheduler, request.cache, num_inference_steps=steps):
            return self._denoise(components, scheduler, request)

    def _denoise(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        if request.windows is None:
            return self.run(components, scheduler, request)
        if self.window_cuts is None:
            raise ModelError(f"{self.pipeline} makes no long clips in windows -> {NO_CONTINUATION}")
        from vgpipe.models.windows.denoise_in_windows import denoising_in_windows

        with denoising_in_windows(self, self.window_cuts, components, request, request.windows):
            return self.run(components, scheduler, request)

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Makes the stock call that denoises, at once."""
        pipeline = self.build(
            self.pipeline_for(request), {**components, "scheduler": scheduler}, config_only=self.decoders
        )
        on_step_end = guided_within(pipeline, request)
        arguments = {**self.call_arguments(pipeline, request), **step_hook(pipeline, on_step_end)}
        latents: torch.Tensor = pipeline(**accepted(pipeline, arguments), output_type="latent").frames
        return latents.cpu()

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8, rounded as diffusers' `numpy_to_pil` does."""
        from vgpipe.models.resumable import ALL_STEPS, ResumableScheduler

        scheduler = ResumableScheduler(self.scheduler(), done_steps=ALL_STEPS)
        name = self.decode_pipeline or self.pipeline
        pipeline = self.build(name, {**components, "scheduler": scheduler}, config_only=self.denoisers)
        arguments = {
            **self.settings.pipeline_kwargs,
            **self.blank_embeds(request),
            "latents": request.latents,
            "width": request.width,
            "height": request.height,
            "num_frames": request.num_frames,
            "num_inference_steps": 1,
            "guidance_scale": 1.0,
            "generator": request.generator,
        }
        frames_1THWC = pipeline(**accepted(pipeline, self.decode_arguments(arguments)), output_type="np").frames
        return Decoded(to_uint8(frames_1THWC[0], self.settings))

    # What a family may override.

    def pipeline_for(self, request: DenoiseRequest) -> str:
        """Returns the name of the class that makes a clip.

        Raises:
            ModelError: where the family takes none of what the clip is given.
        """
        frames, last = request.frames_NHWC is not None, request.last_frame_HWC is not None
        restyles = request.source_NHWC is not None
        cannot = {
            "from an image": frames and not self.image_pipeline,
            "to a last image": last and not self.takes_last_image,
            "with images at further places": bool(request.placed) and not self.takes_images,
            "from another video": restyles and not self.restyle_pipeline,
        }
        for what, is_so in cannot.items():
            if is_so:
                raise ModelError(f"the family {self.name} makes no video {what} -> choose another model")
        if restyles and self.restyle_pipeline:
            return self.restyle_pipeline
        return self.image_pipeline if request.is_given_frames and self.image_pipeline else self.pipeline

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text with the pipeline's own `encode_prompt`; by default its first result alone."""
        first, *_ = pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=self.settings.max_sequence_length
        )
        return {"prompt_embeds": first}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call; those that its signature lacks are left out later."""
        arguments: dict[str, Any] = {
            "width": request.width,
            "height": request.height,
            "num_frames": request.num_frames,
            "num_inference_steps": request.num_inference_steps,
            "guidance_scale": request.guidance_scale,
            "generator": request.generator,
            "latents": request.latents,
            **self.settings.pipeline_kwargs,
        }
        # Not `pipeline.device`: of a component whose weights are offloaded, that is where they wait.
        device = pipeline._execution_device
        for prefix, embeds in (("", request.embeds), ("negative_", request.negative_embeds or {})):
            arguments |= {prefix + name: tensor.to(device) for name, tensor in embeds.items()}
        if request.frames_NHWC is not None:
            from PIL import Image

            arguments["image"] = Image.fromarray(request.frames_NHWC[0])
        if request.source_NHWC is not None:
            arguments |= restyling(pipeline, request, request.source_NHWC)
        return arguments

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains; only their dtype counts."""
        import torch

        return {"prompt_embeds": torch.zeros(1, 1, 1, dtype=request.embeds_dtype)}

    def decode_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Changes the arguments of the decoding call; by default not at all."""
        return arguments

    def _entries(self, component: str) -> tuple[str, ...]:
        return self.made_of.get(component, (component,))
