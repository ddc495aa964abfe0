"""AnimateDiff: a motion adapter in the U-Net of a Stable Diffusion 1.5 checkpoint."""

from __future__ import annotations

from typing import Any

from vgpipe.errors import ConfigError
from vgpipe.models.base import LoadComponent
from vgpipe.models.families.text_to_video_sd import TextToVideoSDFamily
from vgpipe.models.pipeline.attention import SLICED
from vgpipe.models.windows.window_cuts import Repeated, WindowCuts


class AnimateDiffFamily(TextToVideoSDFamily):
    """Drives `diffusers.AnimateDiffPipeline`; the checkpoint is made for images and names another pipeline."""

    name = "animatediff"
    pipeline = "AnimateDiffPipeline"
    made_of = {"unet": ("unet", "motion_adapter")}  # noqa: RUF012 (declared a class variable above)
    window_cuts = WindowCuts("sample", 2, {"encoder_hidden_states": Repeated()})
    idle = ("safety_checker", "feature_extractor", "image_encoder")

    def check(self) -> None:
        """Checks, without loading anything heavy, that the checkpoint is one that this family drives."""
        for component in self.made_of["unet"]:
            if component in self.settings.quantization:
                key = f"memory.weights.{component}"
                raise ConfigError(f"{key}: motion modules cannot be put into a quantised U-Net -> {key}=native")
        if self.settings.attention == SLICED:
            reason = "a U-Net with motion modules has no slices"
            raise ConfigError(f"memory.attention=sliced: {reason} -> memory.attention=sdpa")
        super().check()

    def load(self, component: str, load_component: LoadComponent) -> Any:
        """Loads one component; the U-Net with its motion modules in it."""
        return super().load(component, lambda name: _moving(load_component) if name == "unet" else load_component(name))


def _moving(load_component: LoadComponent) -> Any:
    from diffusers import UNetMotionModel

    unet = load_component("unet")
    return UNetMotionModel.from_unet2d(unet, load_component("motion_adapter")).to(unet.device).eval()
