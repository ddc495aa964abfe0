"""Kandinsky 5: text to video, from the embeddings of Qwen2.5-VL and CLIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.base import DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.pipeline.stock_family import NO_CONTINUATION, StockFamily
from vgpipe.models.pipeline.stock_source import literals_of
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import FirstAlong, Span, WindowCuts

if TYPE_CHECKING:
    import torch

CLIP_LIMIT = 77
FRAMES, CHANNELS = 1, -1
LENGTHS = "prompt_cu_seqlens"
SPARSE = "nabla"


@dataclass(frozen=True, slots=True)
class FramePositions:
    """Positions of the frames, then of rows and columns: every window has those of a clip of its length."""

    def cut(self, value: Any, span: Span) -> Any:
        """Returns the first window's frames, and all rows and columns."""
        frames, *others = value
        return [FirstAlong(0).cut(frames, span), *others]


class Kandinsky5Family(StockFamily):
    """Drives `diffusers.Kandinsky5T2VPipeline`, whose latents are (1, T, H, W, C).

    Its loop holds, beside them, the channels of a first frame that a text does not give; no step changes those.
    """

    name = "kandinsky5"
    pipeline = "Kandinsky5T2VPipeline"
    text_components = ("tokenizer", "text_encoder", "tokenizer_2", "text_encoder_2")
    frames_axis = FRAMES
    continuations = ("window",)
    has_guidance_interval = True
    window_cuts = WindowCuts("hidden_states", FRAMES, {"visual_rope_pos": FramePositions()})

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizers are given a text, which is cleaned: Qwen's within instructions."""
        own = literals_of(self.pipeline)
        before, _, after = str(own.get("prompt_template", "{}")).partition("{}")
        crop, limit = int(own.get("prompt_template_encode_start_idx", 0)), self.settings.max_sequence_length
        return (
            TextReader(tokenizer="tokenizer", limit=limit, form=Form.CLEANED, before=before, after=after, crop=crop),
            TextReader(tokenizer="tokenizer_2", limit=CLIP_LIMIT, form=Form.CLEANED),
        )

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text with both encoders, whose precisions are kept; the call turns them into the transformer's.

        Its length is that of the embeddings, since a single text is never padded.
        """
        import torch

        limit = self.settings.max_sequence_length
        qwen, clip, _ = pipeline.encode_prompt(text, max_sequence_length=limit, dtype=torch.float32)
        return {
            "prompt_embeds_qwen": qwen.to(pipeline.text_encoder.dtype),
            "prompt_embeds_clip": clip.to(pipeline.text_encoder_2.dtype),
        }

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, with the lengths of the texts.

        Raises:
            ModelError: where windows are asked for of a checkpoint whose attention is laid out for a whole clip.
        """
        if request.windows is not None and pipeline.transformer.config.attention_type == SPARSE:
            reason = f"the attention of {self.checkpoint.name} is sparse ({SPARSE}) over a whole clip"
            raise ModelError(f"{reason} and makes no long clips in windows -> {NO_CONTINUATION}")
        arguments = super().call_arguments(pipeline, request)
        for prefix in ("", "negative_"):
            embeds = arguments.get(f"{prefix}prompt_embeds_qwen")
            if embeds is not None:
                arguments[prefix + LENGTHS] = _lengths(embeds.shape[1])
        if request.latents is not None:
            arguments["latents"] = request.latents.clone()  # its loop changes what it is given
        return arguments

    def loop_latents(self, sample: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Returns what a scheduler steps on, beside the channels of the loop that no step changes."""
        import torch

        rest = latents[..., sample.shape[CHANNELS] :]
        return super().loop_latents(torch.cat([sample.to(latents.dtype), rest], dim=CHANNELS), latents)

    def looped(self, latents: torch.Tensor) -> torch.Tensor:
        """Returns latents that `denoise` gave, beside the channels of a first frame where the loop has them: zeros."""
        import torch

        if not self.checkpoint.config("transformer").get("visual_cond"):
            return latents
        zeros = torch.zeros_like(latents)
        return torch.cat([latents, zeros, zeros[..., :1]], dim=CHANNELS)

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains."""
        import torch

        embeds = torch.zeros(1, 1, 1, dtype=request.embeds_dtype)
        return {"prompt_embeds_qwen": embeds, "prompt_embeds_clip": embeds[0], LENGTHS: _lengths(1)}


def _lengths(tokens: int) -> torch.Tensor:
    """Returns where the one text of a batch begins and ends."""
    import torch

    return torch.tensor([0, tokens], dtype=torch.int32)
