"""Which file drives which family; the only place that names them."""

from __future__ import annotations

import importlib

from vgpipe.errors import ConfigError, Fault
from vgpipe.models.base import Family, Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint

FAMILIES = {
    "animatediff": "vgpipe.models.families.animatediff:AnimateDiffFamily",
    "anyflow": "vgpipe.models.families.anyflow:AnyFlowFamily",
    "cogvideox": "vgpipe.models.families.cogvideox:CogVideoXFamily",
    "framepack": "vgpipe.models.families.framepack:FramepackFamily",
    "hunyuan_video": "vgpipe.models.families.hunyuan_video:HunyuanVideoFamily",
    "hunyuan_video_15": "vgpipe.models.families.hunyuan_video15:HunyuanVideo15Family",
    "kandinsky5": "vgpipe.models.families.kandinsky5:Kandinsky5Family",
    "ltx": "vgpipe.models.families.ltx:LtxFamily",
    "ltx_condition": "vgpipe.models.families.ltx_condition:LtxConditionFamily",
    "ltx2": "vgpipe.models.families.ltx2:Ltx2Family",
    "ltx2_two_stage": "vgpipe.models.families.ltx2_two_stage:Ltx2TwoStageFamily",
    "generic": "vgpipe.models.families.generic:family",
    "generic_whole": "vgpipe.models.families.generic:whole",
    "skyreels_v2": "vgpipe.models.families.skyreels_v2:SkyReelsV2Family",
    "minimax_h3": "vgpipe.models.families.minimax_h3:MiniMaxH3Family",
    "sana_video": "vgpipe.models.families.sana_video:SanaVideoFamily",
    "text_to_video_sd": "vgpipe.models.families.text_to_video_sd:TextToVideoSDFamily",
    "wan": "vgpipe.models.families.wan:WanFamily",
    "wan_vace": "vgpipe.models.families.wan_vace:WanVaceFamily",
}


def family(name: str, checkpoint: Checkpoint, settings: Settings) -> Family:
    """Returns the family that drives a checkpoint; imports its file only now, and nothing heavy.

    Args:
        name: as in `model.family`.
        checkpoint: the model's files.
        settings: how they are loaded and called.

    Raises:
        ConfigError: for an unknown name.
    """
    if name not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise ConfigError(
            "invalid configuration",
            [Fault("model.family", f"{name!r} is not a known family", f"one of: {known}")],
        )
    module, attribute = FAMILIES[name].split(":")
    made: Family = getattr(importlib.import_module(module), attribute)(checkpoint, settings)
    return made
