"""HunyuanVideo: text to video with embedded guidance."""

from __future__ import annotations

from typing import Any, ClassVar

from vgpipe.models.base import DecodeRequest, DenoiseRequest, Embeds, LoadComponent
from vgpipe.models.pipeline.stock_calls import keep_dtype
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.pipeline.stock_source import literals_of
from vgpipe.models.text_reader import TextReader
from vgpipe.models.weights.byte_level_tokenizers import as_saved
from vgpipe.models.windows.window_cuts import WindowCuts

TEMPLATE, CLIP_LIMIT = "DEFAULT_PROMPT_TEMPLATE", 77
TRUE_CFG = "model.pipeline_kwargs.true_cfg_scale"


class HunyuanVideoFamily(StockFamily):
    """Drives `diffusers.HunyuanVideoPipeline`.

    Guidance is an input of the transformer at any value, so that "off" is no special case.
    """

    name = "hunyuan_video"
    pipeline = "HunyuanVideoPipeline"
    continuations = ("window",)
    window_cuts: ClassVar[WindowCuts | None] = WindowCuts("hidden_states", 2)
    text_components = ("tokenizer", "text_encoder", "tokenizer_2", "text_encoder_2")

    def uses_negative_prompt(self, guidance_scale: float) -> bool:
        """Returns whether the negative prompt is used: with `true_cfg_scale` alone, never by embedded guidance."""
        return float(self.settings.pipeline_kwargs.get("true_cfg_scale", 1.0)) > 1

    def negative_prompt_obstacle(self, guidance_scale: float) -> str | None:
        """Returns why a negative prompt changes nothing; None where it has an effect."""
        if self.uses_negative_prompt(guidance_scale):
            return None
        return f"this model's guidance is embedded and uses none unless {TRUE_CFG} is above 1"

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizers are given a text: Llama's within instructions, CLIP's as it is."""
        template = literals_of(self.pipeline).get(TEMPLATE)
        whole = str(template.get("template", "{}")) if isinstance(template, dict) else "{}"
        crop = int(template.get("crop_start") or 0) if isinstance(template, dict) else 0
        before, _, after = whole.partition("{}")
        limit = self.settings.max_sequence_length
        return (
            TextReader(tokenizer="tokenizer", limit=limit, before=before, after=after, crop=crop, as_saved=True),
            TextReader(tokenizer="tokenizer_2", limit=CLIP_LIMIT),
        )

    def load(self, component: str, load_component: LoadComponent) -> Any:
        """Loads one component; the tokenizer is Llama 3's, which transformers 5 mistakes for one of Llama 2."""
        loaded = super().load(component, load_component)
        return as_saved(loaded, self.checkpoint.source(component).place) if component == "tokenizer" else loaded

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text with both encoders."""
        embeds, pooled, mask = pipeline.encode_prompt(text, max_sequence_length=self.settings.max_sequence_length)
        return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled, "prompt_attention_mask": mask}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call."""
        arguments = super().call_arguments(pipeline, request)
        if request.latents is not None:
            keep_dtype(pipeline, request.latents.dtype)
        return arguments

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains."""
        import torch

        return {
            **super().blank_embeds(request),
            "pooled_prompt_embeds": torch.zeros(1, 1),
            "prompt_attention_mask": torch.zeros(1, 1),
        }
