"""One forward pass of a stock pipeline: what its model predicts of finished latents that noise is laid over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.base import Components, DenoiseRequest, Embeds, Family
from vgpipe.models.resumable import ALL_STEPS, ResumableScheduler

if TYPE_CHECKING:
    import torch

SEED = 1000
"""Of the noise. The same for all clips, so that their scores differ by what they show and not by the noise."""


@dataclass(frozen=True)
class NoisedPredictions:
    """Predicts finished latents from noised ones, in the family's own call.

    Attributes:
        family: drives the model.
        components: the loaded `family.denoise_components`.
        request: the clip's pass; its texts, latents and generator are replaced.
    """

    family: Family
    components: Components
    request: DenoiseRequest

    def pulls(self, x0: torch.Tensor, levels: Sequence[float], embeds: Embeds, other_embeds: Embeds) -> list[float]:
        """Returns how far two texts' predictions differ at each noise level, mean squared.

        Levels that are nearest to the same step of a short schedule count once.

        Args:
            x0: finished latents, or a prediction of them, as `family.denoise` gave them.
            levels: shares of noise, 0 to 1; of each the nearest step of the clip's schedule is taken.
            embeds: of one text.
            other_embeds: of the other.

        Raises:
            ModelError: where the scheduler lays no noise over given latents.
        """
        x0 = self.family.looped(x0)
        schedule = self._schedule(x0)
        shares = noise_shares(schedule)
        steps = (min(range(len(shares)), key=lambda step: abs(shares[step] - level)) for level in levels)
        return [self._pull(schedule, x0, step, (embeds, other_embeds)) for step in dict.fromkeys(steps)]

    def _pull(self, schedule: Any, x0: torch.Tensor, step: int, texts: tuple[Embeds, Embeds]) -> float:
        noised = with_noise(schedule, x0, step)
        first, second = (self._predicted(noised, step, embeds) for embeds in texts)
        return float((first - second).square().mean())

    def _schedule(self, x0: torch.Tensor) -> Any:
        """Returns a scheduler as the stock call sets it up for this clip; no step is left for the call to make."""
        scheduler = ResumableScheduler(self.family.scheduler(), done_steps=ALL_STEPS)
        self.family.denoise(self.components, scheduler, self._pass(x0, self.request.embeds))
        return scheduler.wrapped

    def _predicted(self, noised: torch.Tensor, step: int, embeds: Embeds) -> torch.Tensor:
        scheduler = ResumableScheduler(self.family.scheduler(), done_steps=step, last_step=step + 1)
        self.family.denoise(self.components, scheduler, self._pass(noised, embeds))
        if scheduler.predicted is None:
            raise ModelError(f"{self.family.name}: no prediction can be had of a single step -> judge.name=checks")
        return scheduler.predicted.cpu()

    def _pass(self, latents: torch.Tensor, embeds: Embeds) -> DenoiseRequest:
        import torch

        generator = torch.Generator("cpu").manual_seed(SEED)
        silent = lambda _steps, _latents: None  # noqa: E731
        text = replace(self.request, source_NHWC=None, strength=None)  # the same denoiser, with other latents
        return replace(text, latents=latents, embeds=embeds, generator=generator, on_step_end=silent)


def noise_shares(scheduler: Any) -> list[float]:
    """Returns how much of its latents is noise before each step, 0 to 1: noise over noise and signal.

    Args:
        scheduler: with its schedule set.
    """
    scales = (_scales(scheduler, step) for step in range(len(scheduler.timesteps)))
    return [noise / (signal + noise) for signal, noise in scales]


def with_noise(scheduler: Any, x0: torch.Tensor, step: int) -> torch.Tensor:
    """Returns finished latents as they would be before a step, with noise of a fixed seed, in their own dtype.

    Args:
        scheduler: with its schedule set.
        x0: the latents, of any shape.
        step: index of the step.
    """
    import torch

    noise = torch.randn(x0.shape, generator=torch.Generator("cpu").manual_seed(SEED), dtype=torch.float32)
    signal_scale, noise_scale = _scales(scheduler, step)
    return (signal_scale * x0.float() + noise_scale * noise.to(x0.device)).to(x0.dtype)


def _scales(scheduler: Any, step: int) -> tuple[float, float]:
    """Returns what signal and noise are multiplied by before a step (`vgpipe/models/prediction.py` has the table)."""
    sigmas, config = getattr(scheduler, "sigmas", None), scheduler.config
    if sigmas is None:
        share = float(scheduler.alphas_cumprod[int(scheduler.timesteps[step])])
        return share**0.5, (1 - share) ** 0.5
    sigma = float(sigmas[step])
    if type(scheduler).__name__.startswith(("FlowMap", "FlowMatch")) or config.get("use_flow_sigmas"):
        return (sigma, 1 - sigma) if config.get("invert_sigmas") else (1 - sigma, sigma)
    if float(scheduler.init_noise_sigma) > 1:  # latents that are not scaled down
        return 1.0, sigma
    scale = (sigma**2 + 1) ** -0.5
    return scale, sigma * scale
