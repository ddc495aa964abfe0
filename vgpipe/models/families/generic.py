"""Any pipeline of diffusers that makes a video from a text, an image or both.

It is driven stage by stage where its source allows, else in one piece. A component's role follows from its name.
"""

from __future__ import annotations

from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.allowed_classes import is_loadable
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.checkpoint.modular_index import DRIVEN
from vgpipe.models.families.generic_base import FRAME_COUNTS, RATES, GenericBase
from vgpipe.models.families.generic_by_stage import GenericByStage
from vgpipe.models.families.generic_whole import GenericWhole
from vgpipe.models.pipeline.stock_inputs import IMAGES, LAST_IMAGE, NEVER
from vgpipe.models.pipeline.stock_obstacles import IMAGE_ENCODER
from vgpipe.models.pipeline.stock_source import StockSource, read_source

TEXT, DECODER = ("tokenizer", "text_encoder"), ("vae",)
FOR_IMAGES = ("feature_extractor", "image_encoder", "image_processor")
NEVER_DENOISES = ("scheduler", "safety_checker", *FOR_IMAGES)
GIVEN = frozenset((
    "prompt", "negative_prompt", *IMAGES, LAST_IMAGE, *FRAME_COUNTS, *RATES, "width", "height", "num_inference_steps",
    "guidance_scale", "generator",
))  # fmt: skip
"""Parameters of calls that a clip's settings give."""


def family(checkpoint: Checkpoint, settings: Settings) -> GenericBase:
    """Returns the family that drives a checkpoint: stage by stage where its pipeline allows.

    Raises:
        ModelError: where its pipeline makes no video from a text or an image alone.
    """
    source = source_of(checkpoint)
    return _made(GenericWhole if source.obstacle else GenericByStage, checkpoint, settings, source)


def whole(checkpoint: Checkpoint, settings: Settings) -> GenericBase:
    """Returns the family that drives a checkpoint in one piece, whatever its pipeline allows.

    Raises:
        ModelError: where its pipeline makes no video from a text or an image alone.
    """
    return _made(GenericWhole, checkpoint, settings, source_of(checkpoint))


def source_of(checkpoint: Checkpoint) -> StockSource:
    """Returns what the source of a checkpoint's pipeline says.

    Raises:
        ModelError: where it is none of diffusers, or makes no video from a text or an image alone.
    """
    name = checkpoint.index.get("_class_name")
    if not isinstance(name, str):
        raise ModelError(f"{checkpoint.name}/model_index.json: names no pipeline of diffusers -> choose another model")
    if name in DRIVEN:
        why = f"{name} consists of blocks, which have a family of their own"
        raise ModelError(f"{checkpoint.name}: {why} -> model.family={DRIVEN[name]}")
    source = read_source(name)
    reason = refusal(source)
    if reason is None:
        return source
    told = f"{name} is no pipeline that makes a video from a text or an image alone, {reason}"
    raise ModelError(f"{checkpoint.name}: {told} -> choose another model.id")


def refusal(source: StockSource) -> str | None:
    """Returns why a pipeline is not driven; None where it is."""
    lacking = [group for group in source.needs if not GIVEN & set(group)]
    if lacking:
        return f"its call needs more: {', '.join(' or '.join(group) for group in lacking)}"
    if not set(FRAME_COUNTS) & set(source.arguments):
        return f"its call takes no {FRAME_COUNTS[0]}"
    if "prompt" not in source.arguments and source.image == NEVER:
        return "its call takes no prompt"
    return None


def _made(base: type[GenericBase], checkpoint: Checkpoint, settings: Settings, source: StockSource) -> GenericBase:
    """Makes a family of the one pipeline, as if it had a file of its own."""
    have = [name for name in source.components if name in checkpoint.component_names]
    loadable = tuple(name for name in have if name != "scheduler" and is_loadable(checkpoint.index[name][0]))
    attributes = {
        "pipeline": source.name,
        "source": source,
        "loadable": loadable,
        "never_loaded": tuple(name for name in have if not is_loadable(checkpoint.index[name][0])),
        "text_components": tuple(name for name in loadable if name.startswith(TEXT)),
        "decoders": tuple(name for name in loadable if name.startswith(DECODER)),
        "denoisers": tuple(name for name in loadable if not name.startswith((*TEXT, *DECODER, *NEVER_DENOISES))),
        "image_pipeline": None if source.image == NEVER else source.name,
        "takes_last_image": LAST_IMAGE in source.arguments and not _sees_one_image(checkpoint),
        "image_components": tuple(name for name in loadable if name.startswith((*FOR_IMAGES, *DECODER))),
        "uses_fps": bool(set(RATES) & set(source.arguments)),
    }
    return type(f"{base.__name__}{source.name}", (base,), attributes)(checkpoint, settings)


def _sees_one_image(checkpoint: Checkpoint) -> bool:
    """Returns whether the denoiser has positions for what an image encoder makes of one image, not of two."""
    if not {IMAGE_ENCODER, "transformer"} <= set(checkpoint.component_names):
        return False
    return checkpoint.config("transformer").get("pos_embed_seq_len", 0) is None
