"""LTX-2: video with sound, from a text, an image, or frames at several places of the clip.

Shape suffixes: B batch, K text tokens, N frames, H height, W width, C channels.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.families.ltx2_conditions import conditions
from vgpipe.models.pipeline.joint_latents import JointLayout
from vgpipe.models.pipeline.joint_loop import JointLoop
from vgpipe.models.pipeline.stock_calls import accepted, require_diffusers, to_sound, to_uint8
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.pipeline.stock_source import read_source

if TYPE_CHECKING:
    import torch

    from vgpipe.models.resumable import ResumableScheduler

MIN_DIFFUSERS = "0.42"
CONDITIONS = "LTX2ConditionPipeline"
AUDIO_VAE, VOCODER, CONNECTORS = "audio_vae", "vocoder", "connectors"
UNGUIDED = {
    "guidance_scale": 1.0, "audio_guidance_scale": 1.0, "stg_scale": 0.0, "audio_stg_scale": 0.0,
    "modality_scale": 1.0, "audio_modality_scale": 1.0,
}  # fmt: skip
IMAGE_CRF, IMAGE_CRF_25 = 33, 18
"""How strongly images were compressed, in H.264, in the training of LTX-2 and 2.3, and of 2.5."""
OF_DECODING = ("decode_timestep", "decode_noise_scale")


class Ltx2Family(StockFamily):
    """Drives `diffusers.LTX2Pipeline`; with an image `LTX2ImageToVideoPipeline`, with more `LTX2ConditionPipeline`.

    The latents are those of the loop, video and sound in one tensor (`JointLayout`): what the pipelines give as latents
    is scaled, and would come back from that with other bits.
    """

    name = "ltx2"
    pipeline = "LTX2Pipeline"
    image_pipeline = "LTX2ImageToVideoPipeline"
    decoders: ClassVar[tuple[str, ...]] = ("vae", AUDIO_VAE, VOCODER)
    idle: ClassVar[tuple[str, ...]] = ("processor", "prompt_enhancer", "duration_head", "latent_upsampler")
    takes_last_image = takes_images = True
    uses_fps = True
    continuations: ClassVar[tuple[str, ...]] = ("frames", "image")

    def check(self) -> None:
        """Checks that the checkpoint is one that this family drives, and that the installed diffusers can.

        Raises:
            ModelError: naming what is missing or too old.
        """
        super().check()
        require_diffusers(MIN_DIFFUSERS, f"{self.pipeline} is driven")

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs; the connectors too, which read what the text encoder gave."""
        return (CONNECTORS, *super().denoise_components(from_image=from_image))

    def pipeline_for(self, request: DenoiseRequest) -> str:
        """Returns the name of the class that makes a clip."""
        name = super().pipeline_for(request)
        starts = 0 if request.frames_NHWC is None else len(request.frames_NHWC)
        is_more = starts > 1 or bool(request.placed) or request.last_frame_HWC is not None
        return CONDITIONS if is_more else name

    def steps_obstacle(self, num_inference_steps: int) -> str | None:
        """Returns why no clip can have so many denoising steps: its noise levels are listed."""
        sigmas = self.settings.pipeline_kwargs.get("sigmas")
        if sigmas is None or len(sigmas) == num_inference_steps:
            return None
        return (
            f"{num_inference_steps}, but model.pipeline_kwargs.sigmas lists the noise levels of {len(sigmas)} steps -> "
            f"clip.num_inference_steps={len(sigmas)}, or a list of your own"
        )

    def image_obstacle(self) -> str | None:
        """Returns why no clip can be given images here: what compresses them is not installed."""
        if not self._image_crf or find_spec("av") is not None:
            return None
        reason = "images are compressed first, as in the model's training, and PyAV is not installed"
        return f"{reason} -> pip install av, or model.pipeline_kwargs.image_crf=0"

    def uses_negative_prompt(self, guidance_scale: float) -> bool:
        """Returns whether the negative prompt is used, for the video or for the sound."""
        return max(guidance_scale, self._audio_guidance_scale or guidance_scale) > 1

    def negative_prompt_obstacle(self, guidance_scale: float) -> str | None:
        """Returns why a negative prompt changes nothing at this guidance; None where it has an effect."""
        reason = super().negative_prompt_obstacle(guidance_scale)
        return reason and f"{reason}, and model.pipeline_kwargs.audio_guidance_scale that of the sound"

    @cached_property
    def _audio_guidance_scale(self) -> float | None:
        """The guidance of the sound; None or 0 where it is that of the video."""
        found = {**read_source(self.pipeline).defaults, **self.settings.pipeline_kwargs}.get("audio_guidance_scale")
        return None if found is None else float(found)

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text, without its padding: of 1,024 tokens, the encoder gives 188,160 numbers for each."""
        embeds_BKC, mask_BK, *_ = pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=self.settings.max_sequence_length
        )
        tokens = int(mask_BK.sum())  # of one text, padded on the left
        return {
            "prompt_embeds": embeds_BKC[:, -tokens:].clone(),
            "prompt_attention_mask": mask_BK[:, -tokens:].clone(),
        }

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> torch.Tensor:
        """Makes the stock call that denoises; the latents are those of its loop."""
        return self.one_pass(components, scheduler, request)[1].cpu()

    def one_pass(
        self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest, **changed: Any
    ) -> tuple[Any, torch.Tensor]:
        """Makes a stock call that denoises.

        Args:
            components: loaded; of a VAE that is not among them the statistics are left out of what the call returns.
            scheduler: hides the steps already done.
            request: the request.
            changed: arguments of the call in place of the usual ones.

        Returns:
            What the call returned, and the latents of its loop.
        """
        parts = {**components, "scheduler": scheduler}
        parts |= {name: self._unscaled(name) for name in ("vae", AUDIO_VAE) if name not in components}
        pipeline = self.build(self.pipeline_for(request), parts)
        loop = JointLoop(pipeline, self.layout, self.sound_tokens(request), request.latents, request.on_step_end)
        arguments = {**self.call_arguments(pipeline, request), **loop.arguments(), **changed}
        output = pipeline(**accepted(pipeline, arguments), output_type="latent")
        return output, loop.latents(video_tokens=self.video_tokens(request))

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames (T, H, W, 3) uint8, and to sound.

        The frames leave the device after the sound was decoded, so that a profile of the stage sees both.
        """
        from vgpipe.models.resumable import ALL_STEPS, ResumableScheduler

        scheduler = ResumableScheduler(self.scheduler(), done_steps=ALL_STEPS)
        parts = {**components, "scheduler": scheduler, CONNECTORS: _unread}
        pipeline = self.build(self.pipeline, parts, config_only=self.denoisers)
        video_tokens = self.video_tokens(request)
        sound_tokens = self.layout.sound_tokens(request.latents, video_tokens=video_tokens)
        video, sound = self.layout.split(request.latents.to(pipeline._execution_device), sound_tokens=sound_tokens)
        pipeline.prepare_latents = lambda *_args, **_kwargs: video
        pipeline.prepare_audio_latents = lambda *_args, **_kwargs: sound
        processor, pipeline.video_processor = pipeline.video_processor, _Untouched()
        arguments = {**self._decode_arguments(request), "audio_latents": sound.new_empty(1, 1, sound_tokens, 1)}
        output = pipeline(**arguments, output_type="np")
        made = to_sound(output.audio[0], components[VOCODER].config.output_sampling_rate, self.settings, self.decoders)
        frames_1THWC = processor.postprocess_video(output.frames, output_type="np")
        return Decoded(to_uint8(frames_1THWC[0], self.settings, self.decoders), made)

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, but for its latents."""
        arguments = {"frame_rate": request.fps, **super().call_arguments(pipeline, request), "latents": None}
        for name in ("prompt_embeds", "negative_prompt_embeds"):
            if name in arguments:
                mask = name.replace("embeds", "attention_mask")
                arguments |= {one: self._padded(arguments[one]) for one in (name, mask)}
        if request.is_given_frames:
            crf = self._image_crf
            arguments |= {"image_crf": crf, "conditions": conditions(request, self.temporal_stride, crf=crf)}
        return arguments

    @cached_property
    def layout(self) -> JointLayout:
        """How video and sound lie in the latents."""
        transformer = self.checkpoint.config("transformer")
        patch = transformer.get("patch_size_t", 1) * transformer.get("patch_size", 1) ** 2
        audio = self.config_only_component(AUDIO_VAE)
        sound_channels = audio.config.latent_channels * (audio.config.mel_bins // audio.mel_compression_ratio)
        return JointLayout(int(transformer["in_channels"]) * patch, int(sound_channels))

    def _padded(self, tensor_BK: torch.Tensor) -> torch.Tensor:
        """Returns embeddings or a mask with zeros on the left, which the connectors put others in place of."""
        import torch

        missing = max(self.settings.max_sequence_length - tensor_BK.shape[1], 0)
        zeros = tensor_BK.new_zeros(tensor_BK.shape[0], missing, *tensor_BK.shape[2:])
        return torch.cat([zeros, tensor_BK], dim=1)

    @cached_property
    def _shell(self) -> Any:
        """The pipeline without weights, which knows how much it compresses."""
        return self.build(self.pipeline, {}, config_only=(*self.denoisers, *self.decoders))

    def video_tokens(self, request: DenoiseRequest | DecodeRequest) -> int:
        """Returns how many tokens the video of a clip has."""
        frames = (request.num_frames - 1) // self._shell.vae_temporal_compression_ratio + 1
        side = self._shell.vae_spatial_compression_ratio * self._shell.transformer_spatial_patch_size
        plane = (request.height // side) * (request.width // side)
        return int(frames // self._shell.transformer_temporal_patch_size * plane)

    def sound_tokens(self, request: DenoiseRequest) -> int:
        """Returns how many tokens the sound of a clip has; computed in the pipeline's own order, which rounds."""
        ratio = float(self._shell.audio_vae_temporal_compression_ratio)
        per_second = self._shell.audio_sampling_rate / self._shell.audio_hop_length / ratio
        return round(request.num_frames / request.fps * per_second)

    @cached_property
    def _image_crf(self) -> int:
        """How strongly a given image is compressed first, as images were when the model was trained; 0 for not at all.

        As the pipeline decides it by its text encoder, which is not loaded when it runs.
        """
        chosen = self.settings.pipeline_kwargs.get("image_crf")
        if chosen is not None:
            return int(chosen)
        is_newer = str(self.checkpoint.config("text_encoder").get("model_type")).startswith("gemma4")
        return IMAGE_CRF_25 if is_newer else IMAGE_CRF

    def _unscaled(self, component: str) -> Any:
        return _Unscaled(self.config_only_component(component))

    def _decode_arguments(self, request: DecodeRequest) -> dict[str, Any]:
        import torch

        kept = {
            name: self.settings.pipeline_kwargs[name] for name in OF_DECODING if name in self.settings.pipeline_kwargs
        }
        return {
            **kept,
            **UNGUIDED,
            "prompt_embeds": torch.zeros(1, 1, 1, dtype=request.embeds_dtype),
            "prompt_attention_mask": torch.ones(1, 1, dtype=torch.int64),
            "width": request.width,
            "height": request.height,
            "num_frames": request.num_frames,
            "num_inference_steps": 2,  # of which none is made: a schedule of one cannot be stretched to its end
            "generator": request.generator,
        }


def _unread(embeds: torch.Tensor, mask: torch.Tensor, **_kwargs: Any) -> tuple[torch.Tensor, ...]:
    """Replaces the connectors in a call that makes no step."""
    return embeds, embeds, mask


class _Untouched:
    """Replaces the processor of a pipeline, whose frames stay as they were decoded."""

    def postprocess_video(self, video: torch.Tensor, **_kwargs: Any) -> torch.Tensor:
        """Returns the frames unchanged."""
        return video


class _Unscaled:
    """A config-only VAE whose statistics leave latents as they are."""

    def __init__(self, component: Any):
        import torch

        self._component = component
        self.latents_mean, self.latents_std = torch.zeros(1), torch.ones(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._component, name)
