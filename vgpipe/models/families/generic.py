"""Any text-to-video pipeline of diffusers: stage by stage where its source allows, else in one piece.

A component's role follows from its name.
"""

from __future__ import annotations

from vgpipe.errors import ModelError
from vgpipe.models.base import Family, Settings
from vgpipe.models.checkpoint.allowed_classes import LIBRARIES
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.families.generic_base import FRAME_COUNTS, RATES, GenericBase
from vgpipe.models.families.generic_by_stage import GenericByStage
from vgpipe.models.families.generic_whole import GenericWhole
from vgpipe.models.pipeline.stock_source import StockSource, read_source

TEXT, DECODER = ("tokenizer", "text_encoder"), ("vae",)
NEVER_DENOISES = ("scheduler", "safety_checker", "feature_extractor", "image_encoder", "image_processor")


def family(checkpoint: Checkpoint, settings: Settings) -> Family:
    """Returns the family that drives a checkpoint: stage by stage where its pipeline allows.

    Raises:
        ModelError: where its pipeline makes no video from a text.
    """
    source = _text_to_video(checkpoint)
    return _made(GenericWhole if source.obstacle else GenericByStage, checkpoint, settings, source)


def whole(checkpoint: Checkpoint, settings: Settings) -> Family:
    """Returns the family that drives a checkpoint in one piece, whatever its pipeline allows.

    Raises:
        ModelError: where its pipeline makes no video from a text.
    """
    return _made(GenericWhole, checkpoint, settings, _text_to_video(checkpoint))


def _text_to_video(checkpoint: Checkpoint) -> StockSource:
    name = checkpoint.index.get("_class_name")
    if not isinstance(name, str):
        raise ModelError(f"{checkpoint.name}/model_index.json: names no pipeline of diffusers -> choose another model")
    source = read_source(name)
    missing = sorted(set(source.required) - {"prompt"})
    if not set(FRAME_COUNTS) & set(source.arguments):
        reason = f"its call takes no {FRAME_COUNTS[0]}"
    elif missing:
        reason = f"its call needs more than a text: {', '.join(missing)}"
    elif "prompt" not in source.arguments:
        reason = "its call takes no prompt"
    else:
        return source
    raise ModelError(f"{checkpoint.name}: {name} is not a text-to-video pipeline, {reason} -> choose another model.id")


def _made(base: type[GenericBase], checkpoint: Checkpoint, settings: Settings, source: StockSource) -> Family:
    """Makes a family of the one pipeline, as if it had a file of its own."""
    have = [name for name in source.components if name in checkpoint.component_names]
    loadable = tuple(name for name in have if name != "scheduler" and checkpoint.index[name][0] in LIBRARIES)
    attributes = {
        "pipeline": source.name,
        "source": source,
        "loadable": loadable,
        "never_loaded": tuple(name for name in have if checkpoint.index[name][0] not in LIBRARIES),
        "text_components": tuple(name for name in loadable if name.startswith(TEXT)),
        "decoders": tuple(name for name in loadable if name.startswith(DECODER)),
        "denoisers": tuple(name for name in loadable if not name.startswith((*TEXT, *DECODER, *NEVER_DENOISES))),
        "uses_fps": bool(set(RATES) & set(source.arguments)),
    }
    return type(f"{base.__name__}{source.name}", (base,), attributes)(checkpoint, settings)
