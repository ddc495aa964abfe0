"""SANA-Video: text to video, from the embeddings of Gemma 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vgpipe.models.base import Components, Decoded, DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.pipeline.stock_calls import NOTHING
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.pipeline.stock_source import defaults_of
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import WindowCuts

if TYPE_CHECKING:
    from collections.abc import Collection

INSTRUCTION = "complex_human_instruction"
EMBEDS, MASK = "prompt_embeds", "prompt_attention_mask"
PLAIN = "plain_"
COMPRESSION = {
    "vae_scale_factor_temporal": ("temporal_compression_ratio", "scale_factor_temporal"),
    "vae_scale_factor_spatial": ("spatial_compression_ratio", "scale_factor_spatial"),
}
"""What the pipeline calls how much a VAE compresses, and what the configs of the VAEs do."""


class SanaVideoFamily(StockFamily):
    """Drives `diffusers.SanaVideoPipeline`.

    It encodes a prompt with instructions before it and a negative one without, so that a text, which may be either, is
    encoded both ways.
    """

    name = "sana_video"
    pipeline = "SanaVideoPipeline"
    continuations = ("window",)
    window_cuts = WindowCuts("hidden_states", 2)

    @property
    def instruction(self) -> list[str]:
        """The lines before a prompt."""
        given = self.settings.pipeline_kwargs.get(INSTRUCTION, defaults_of(self.pipeline).get(INSTRUCTION))
        return list(given or ())

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text, in lower case: as a prompt, then as a negative one.

        The instructions before a prompt have room of their own, less that of the special tokens of both.
        """
        limit, before = self.settings.max_sequence_length, "\n".join(self.instruction)
        plain = TextReader(tokenizer="tokenizer", limit=limit, form=Form.LOWERED)
        return (replace(plain, before=before, has_room_before=True, crop=-2), plain) if before else (plain,)

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text as a prompt, and as a negative one."""
        embeds, mask, plain_embeds, plain_mask = pipeline.encode_prompt(
            text,
            negative_prompt=text,
            clean_caption=bool(self.settings.pipeline_kwargs.get("clean_caption", False)),
            max_sequence_length=self.settings.max_sequence_length,
            complex_human_instruction=self.instruction,
        )
        return {EMBEDS: embeds, MASK: mask, PLAIN + EMBEDS: plain_embeds, PLAIN + MASK: plain_mask}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, with the negative prompt that has no instructions."""
        arguments = {**super().call_arguments(pipeline, request), "frames": request.num_frames}
        if request.negative_embeds is None:
            return arguments
        plain = {f"negative_{name}": arguments[f"negative_{PLAIN}{name}"] for name in (EMBEDS, MASK)}
        return {**arguments, **plain, "negative_prompt": NOTHING}  # its default is a text

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains."""
        import torch

        return {**super().blank_embeds(request), MASK: torch.ones(1, 1, dtype=torch.int64)}

    def decode(self, components: Components, request: DecodeRequest) -> Decoded:
        """Decodes latents to frames; where memory runs out, says so, which the pipeline does not."""
        with telling_of_memory(components["vae"]):
            return super().decode(components, request)

    def build(self, class_name: str, components: Components, *, config_only: Collection[str] = ()) -> Any:
        """Puts the stock pipeline together; it knows how much a VAE compresses only of one that is loaded."""
        pipeline = super().build(class_name, components, config_only=config_only)
        config = pipeline.vae.config if pipeline.vae is not None else {}
        for name, keys in COMPRESSION.items():
            found = next((config[key] for key in keys if key in config), None)
            if found is not None:
                setattr(pipeline, name, int(found))
        return pipeline


@contextmanager
def telling_of_memory(vae: Any) -> Iterator[None]:
    """Lets out-of-memory errors of a VAE through a caller that turns `torch.OutOfMemoryError` into a warning.

    Args:
        vae: its `decode` is replaced while the context is open.

    Raises:
        RuntimeError: with the message of the error, in place of it.
    """
    import torch

    original = vae.decode

    def decode(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except torch.OutOfMemoryError as error:
            raise RuntimeError(str(error)) from error

    vae.decode = decode
    try:
        yield
    finally:
        del vae.decode
