"""A pipeline without a family file, driven stage by stage.

Texts are encoded by the stock call itself, stopped once it has encoded them, so that each is treated as the
pipeline treats it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.base import Components, DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.families.generic_base import FRAME_COUNTS, GenericBase
from vgpipe.models.pipeline.stock_calls import NOTHING, accepted, keep_dtype
from vgpipe.models.pipeline.stock_inputs import IMAGES
from vgpipe.models.pipeline.stock_obstacles import ENCODE_IMAGE, IMAGE_ENCODER

NEGATIVE = "negative_"
SIDE = 512
"""Of an image that is given with a text and not looked at, pixels."""


class GenericByStage(GenericBase):
    """Drives a pipeline stage by stage, as a family of its own would."""

    way_in_keys = "Staged"

    def way(self) -> str:
        """Returns how the pipeline is driven, in words."""
        stages = {"encode": self.text_components, "denoise": self.denoisers, "decode": self.decoders}
        return "driven stage by stage: " + "; ".join(f"{stage}: {', '.join(names)}" for stage, names in stages.items())

    def components(self) -> tuple[str, ...]:
        """Returns the components of the checkpoint that some stage loads, sorted."""
        of_images = self.denoise_components(from_image=True) if self.image_pipeline else ()
        return tuple(sorted({*super().components(), *of_images}))

    def identity(self, component: str) -> Mapping[str, Any]:
        """Returns, as plain values, everything that can change bits: of a text, the call's arguments too."""
        call = {"pipeline": self.pipeline, "pipeline_kwargs": dict(self.settings.pipeline_kwargs)}
        return {**super().identity(component), **(call if component in self.text_components else {})}

    def build(self, class_name: str, components: Components, *, config_only: Collection[str] = ()) -> Any:
        """Builds the stock pipeline; without its image encoder it takes any image for the same."""
        pipeline = super().build(class_name, components, config_only=config_only)
        if self.image_pipeline and IMAGE_ENCODER not in components:
            import torch

            setattr(pipeline, ENCODE_IMAGE, lambda *_args, **_kwargs: torch.zeros(1, 1, 1))
        return pipeline

    def encode(self, components: Components, text: str) -> Embeds:
        """Encodes one text as the stock call does, both as prompt and as negative prompt; CPU tensors."""
        import torch

        pipeline = self.build(self.pipeline, components, config_only=(*self.denoisers, *self.decoders))
        texts = {"prompt": text, "negative_prompt": text, "guidance_scale": 2.0, **self.settings.pipeline_kwargs}
        arguments = {**texts, **self._blank_image(SIDE, SIDE)}
        found = zip(self.source.embeds, _encoded(pipeline, accepted(pipeline, arguments)), strict=True)
        embeds = {name: tensor for name, tensor in found if tensor is not None}
        strange = [name for name, tensor in embeds.items() if not isinstance(tensor, torch.Tensor)]
        if strange:
            raise ModelError(f"{self.pipeline} gives no tensor as {', '.join(strange)} -> model.family=generic_whole")
        return {name: tensor.cpu() for name, tensor in embeds.items()}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, each text in the role that it plays."""
        embeds = {name: tensor for name, tensor in request.embeds.items() if not name.startswith(NEGATIVE)}
        given = request.negative_embeds or {}
        negative = {name.removeprefix(NEGATIVE): one for name, one in given.items() if name.startswith(NEGATIVE)}
        if request.latents is not None:
            keep_dtype(pipeline, request.latents.dtype)
        arguments = super().call_arguments(pipeline, replace(request, embeds=embeds, negative_embeds=negative or given))
        # Some calls have a text for its default, and refuse it beside embeddings.
        return {**arguments, **({"negative_prompt": NOTHING} if given else {})}

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains; only their dtype counts."""
        import torch

        names = [name for name in self.source.embeds if not name.startswith(NEGATIVE)]
        blanks = {name: torch.zeros(1, 1, 1, dtype=request.embeds_dtype) for name in names}
        masks = {name: torch.ones(1, 1, dtype=torch.int64) for name in names if "mask" in name}
        pooled = {name: torch.zeros(1, 1, dtype=request.embeds_dtype) for name in names if "pooled" in name}
        return {**blanks, **masks, **pooled}

    def decode_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Asks for a few steps, none of which is left: some pipelines cannot lay out a schedule of one."""
        lengths = dict.fromkeys(FRAME_COUNTS, arguments["num_frames"])
        image = self._blank_image(arguments["width"], arguments["height"])
        return {**lengths, **image, **arguments, "num_inference_steps": 4}

    def _blank_image(self, width: int, height: int) -> dict[str, Any]:
        """Returns an image for a call that needs one and whose result does not depend on it."""
        if not self.image_pipeline:
            return {}
        from PIL import Image

        return dict.fromkeys(IMAGES, Image.new("RGB", (width, height)))


class _Encoded(Exception):
    """Carries what a pipeline's `encode_prompt` gave out of its call."""

    def __init__(self, embeds: tuple[Any, ...]):
        self.embeds = embeds
        super().__init__()


def _encoded(pipeline: Any, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    """Runs the stock call as far as its first `encode_prompt` and returns what that gave."""
    original = pipeline.encode_prompt

    def encode_prompt(*args: Any, **kwargs: Any) -> None:
        raise _Encoded(original(*args, **kwargs))

    pipeline.encode_prompt = encode_prompt
    try:
        pipeline(**arguments)
    except _Encoded as encoded:
        return encoded.embeds
    raise ModelError(f"{type(pipeline).__name__} encodes no prompt -> model.family=generic_whole")
