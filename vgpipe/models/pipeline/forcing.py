"""Resumes and continues pipelines of diffusion forcing, where each latent frame has its own place in the schedule.

Such a pipeline deep-copies its scheduler for each latent frame, and steps through a table that says which frames step
at which noise level (Chen et al. 2024, arXiv:2407.01392; SkyReels-V2, arXiv:2504.13074). Here the copies' states are
kept where checkpoints find them, rows of the table that are done are hidden, and the latents of the section before
take the place of the first section of a long call, so that the stock loop makes the second one alone. An argument for
the first row, and one for latents to continue, would make this unnecessary; diffusers 0.42 has neither.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from vgpipe.models.prediction import MODEL_OUTPUT, SAMPLE, TIMESTEP, predicted_x0
from vgpipe.models.resumable import COPIES

if TYPE_CHECKING:
    from vgpipe.models.base import DenoiseRequest
    from vgpipe.models.resumable import ResumableScheduler

FRAMES_AXIS = 2


class ForcingScheduler:
    """What a diffusion-forcing pipeline is given for its scheduler.

    Args:
        resumable: of the pass.
    """

    def __init__(self, resumable: ResumableScheduler):
        self._resumable = resumable
        self._copies: list[Any] = []
        self._predicted: dict[int, torch.Tensor] = {}
        self._steps, self._rows = 0, 0
        self.set_timesteps = resumable.set_timesteps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resumable.wrapped, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The wrapped scheduler's class."""
        return type(self._resumable.wrapped)

    def __deepcopy__(self, _memo: dict[int, Any]) -> _FrameScheduler:
        """Returns the scheduler of the next latent frame."""
        number = len(self._copies)
        self._copies.append(copy.deepcopy(self._resumable.wrapped))
        return _FrameScheduler(self, number, self._copies[-1], self._resumable.state_of_copy(number) or {})

    @property
    def done_steps(self) -> int:
        """Loop iterations done before this pass."""
        return self._resumable.done_steps

    @property
    def steps(self) -> int:
        """Loop iterations made in this pass."""
        return self._steps

    @property
    def total_steps(self) -> int:
        """Loop iterations of the whole schedule, those hidden from the loop included."""
        return self._rows or self._resumable.total_steps

    def drive(self, pipeline: Any, request: DenoiseRequest) -> None:
        """Has a pipeline make what is left of a pass.

        Args:
            pipeline: about to be called; some of its methods are replaced.
            request: the request.
        """
        prepare, table = pipeline.prepare_latents, pipeline.generate_timestep_matrix

        def prepare_latents(*args: Any, **kwargs: Any) -> Any:
            if request.history is not None and kwargs["long_video_iter"] == 0:
                latents = request.history.latents
                return latents.to(kwargs.get("device") or pipeline._execution_device), 0, None, 0
            noise, *others = prepare(*args, **kwargs)
            return (noise if request.latents is None else request.latents.to(noise), *others)

        def generate_timestep_matrix(frames: int, *args: Any, **kwargs: Any) -> Any:
            if frames == 0:  # the section before, of which nothing is left to do
                return torch.empty(0, 0), None, None, []
            rows = table(frames, *args, **kwargs)
            self._begin(len(rows[0]))
            return tuple(one[self._resumable.left] for one in rows)

        pipeline.prepare_latents, pipeline.generate_timestep_matrix = prepare_latents, generate_timestep_matrix

    def _begin(self, rows: int) -> None:
        """Marks the end of preparations: all copies are made, and the loop is about to make its first step."""
        self._rows = rows
        vars(self._resumable.wrapped)[COPIES] = self._copies
        self._resumable.begin()

    def end_step(self, latents: torch.Tensor) -> None:
        """Notes that all frames of an iteration have stepped.

        Args:
            latents: of the loop.
        """
        self._steps += 1
        if self._predicted:
            predicted = latents.detach().float().clone()
            for frame, x0 in self._predicted.items():
                predicted.select(FRAMES_AXIS, frame).copy_(x0)
            self._resumable.predicted = predicted

    def note_step(self, frame: int, scheduler: Any, arguments: dict[str, Any]) -> None:
        """Notes what a frame is predicted to become, in the last iteration of a draft."""
        last = self._resumable.left.stop
        if last is not None and self.done_steps + self._steps + 1 == min(last, self._rows):
            self._predicted[frame] = predicted_x0(scheduler, arguments)


class _FrameScheduler:
    """The scheduler of one latent frame."""

    def __init__(self, owner: ForcingScheduler, frame: int, scheduler: Any, saved: dict[str, Any]):
        self._owner, self._frame, self._scheduler, self._saved = owner, frame, scheduler, saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)

    def set_timesteps(self, *args: Any, **kwargs: Any) -> None:
        """Sets its schedule, and its place in it where the pass resumes."""
        self._scheduler.set_timesteps(*args, **kwargs)
        vars(self._scheduler).update(self._saved)

    def step(self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, **kwargs: Any) -> Any:
        """Makes a step."""
        arguments = {MODEL_OUTPUT: model_output, TIMESTEP: timestep, SAMPLE: sample}
        self._owner.note_step(self._frame, self._scheduler, arguments)
        return self._scheduler.step(model_output, timestep, sample, **kwargs)


class NoiseOfGenerator(TorchFunctionMode):
    """Draws the noise that a pipeline adds to what it continues from the clip's generator.

    The stock loop draws it from torch's global one. A stock call without a generator draws all its noise there, and so
    equals this one where that was seeded like the clip's.

    Args:
        generator: CPU generator of the clip.
    """

    def __init__(self, generator: torch.Generator):
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs a function."""
        if func is torch.randn_like:
            like = args[0]
            return torch.randn(like.shape, generator=self._generator, dtype=like.dtype).to(like.device)
        return func(*args, **(kwargs or {}))
