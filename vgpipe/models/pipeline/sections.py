"""Resumes pipelines that make a clip section by section, each with the whole schedule, in one call.

Known latents take the place of the noise of a section that is done or under way, and steps that are done are hidden, so
that the stock loop makes what is left. Arguments for finished sections and for a first step would make this
unnecessary; diffusers 0.42 has neither.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from vgpipe.models.base import DenoiseRequest
    from vgpipe.models.resumable import ResumableScheduler

FRAMES_AXIS = 2


class SectionLoop:
    """A stock loop over sections, and what of it is done.

    A checkpoint's latents are those of all sections that were begun, in the order in which they are made; its steps are
    counted over all of them.

    Args:
        resumable: of the pass.
        request: the request.
        steps: of each section.
        latent_frames: of each section.
    """

    def __init__(self, resumable: ResumableScheduler, request: DenoiseRequest, *, steps: int, latent_frames: int):
        self.scheduler = _SectionScheduler(self, resumable)
        self._resumable, self._request, self._steps = resumable, request, steps
        given = request.latents
        self._latents = [] if given is None else list(given.split(latent_frames, dim=FRAMES_AXIS))
        self._number, self._made_steps = -1, 0

    def drive(self, pipeline: Any) -> dict[str, Any]:
        """Has a pipeline make what is left, and tell of each step.

        Args:
            pipeline: about to be called; its `prepare_latents` is replaced.

        Returns:
            The arguments to add to the call.
        """
        pipeline.prepare_latents = functools.partial(self._prepare, pipeline.prepare_latents)
        return {"callback_on_step_end": self._at_step_end}

    @property
    def done_steps(self) -> int:
        """Steps of the section under way that were done before this pass, all of those of a finished one."""
        return min(max(self._resumable.done_steps - self._number * self._steps, 0), self._steps)

    @property
    def is_resumed(self) -> bool:
        """Whether the section under way is one that a checkpoint was written in the middle of."""
        return 0 < self.done_steps < self._steps

    def _prepare(self, original: Callable[..., torch.Tensor], *args: Any, **kwargs: Any) -> torch.Tensor:
        """Returns what a section begins with; noise is drawn where the generator was left."""
        self._number += 1
        if self.done_steps < self._steps:
            self._resumable.begin()
        if self.done_steps:
            return self._latents[self._number].to(kwargs.get("device"))
        self._latents.append(original(*args, **kwargs))
        return self._latents[-1]

    def _at_step_end(self, _pipeline: Any, _step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        self._made_steps += 1
        self._latents[self._number] = tensors["latents"]
        device = tensors["latents"].device
        begun = torch.cat([one.to(device) for one in self._latents[: self._number + 1]], dim=FRAMES_AXIS)
        self._request.on_step_end(self._made_steps, begun)
        return {}


class _SectionScheduler:
    """What the pipeline is given for its scheduler, whose schedule it begins again for each section."""

    def __init__(self, loop: SectionLoop, resumable: ResumableScheduler):
        self._loop, self._resumable = loop, resumable
        # The pipeline looks for parameters in its signature.
        self.set_timesteps = self._restoring(resumable.wrapped.set_timesteps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resumable.wrapped, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The wrapped scheduler's class."""
        return type(self._resumable.wrapped)

    def _restoring(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def set_timesteps(*args: Any, **kwargs: Any) -> None:
            made = self._resumable.set_timesteps if self._loop.is_resumed else original
            made(*args, **kwargs)

        return set_timesteps

    @property
    def timesteps(self) -> torch.Tensor:
        """The timesteps that remain for the section's loop."""
        left: torch.Tensor = self._resumable.wrapped.timesteps[self._loop.done_steps :]
        return left
