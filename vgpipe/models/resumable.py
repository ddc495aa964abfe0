"""Lets a stock pipeline resume in the middle of its schedule, by wrapping its scheduler.

diffusers' pipelines ask the scheduler for `timesteps` and loop over them; a wrapper that hides the steps already
done and restores the multistep history makes the stock loop continue. A pipeline argument for the first
step and scheduler state would make this unnecessary; diffusers 0.42 has none.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vgpipe.models.prediction import predicted_x0

if TYPE_CHECKING:
    import torch

ALL_STEPS = 1 << 30
STATELESS = ("config", "_internal_dict")
PREVIOUS_PREDICTION = "vgpipe_pred_original_sample"
COPIES = "vgpipe_copies"
"""Attribute of a scheduler of which its pipeline made deep copies: these, in order."""


class ResumableScheduler:
    """A scheduler whose first `done_steps` steps are over.

    Everything else is the wrapped scheduler's own; it also passes `isinstance` checks, which CogVideoX makes. A deep
    copy, as a pipeline makes for the sound beside its video, hides the same steps; its state is saved and restored with
    that of the original.

    Args:
        scheduler: a diffusers scheduler.
        done_steps: loop iterations already done; `ALL_STEPS` leaves none.
        state: what `scheduler_state` gave after those; None where none are done or none remain.
        before_first_step: called when the loop is about to make its first step, after all preparations.
        last_step: loop iterations after which the loop ends, those already done included; None makes all of them.
        skipped_steps: the first loop iterations, which no pass makes, as a given video is their result; they count as
            done. A loop that skips as many by itself is shown them.

    Attributes:
        copies: deep copies of it, in order.
        after_step: called with (steps done, latents) after each step; None where nobody asks.
        first_sample: what the first step of a whole schedule was given; None where steps were done before.
        last_sample: what the last step so far gave.
        predicted: the finished latents as the model predicts them at `last_step`, as its scheduler steps on them,
            float32; None before it, and where none was given.
    """

    def __init__(
        self,
        scheduler: Any,
        *,
        done_steps: int = 0,
        state: Mapping[str, Any] | None = None,
        before_first_step: Callable[[], None] | None = None,
        last_step: int | None = None,
        skipped_steps: int = 0,
    ):
        self._scheduler = scheduler
        self._skipped_steps = self._shown_steps = skipped_steps
        self._done_steps = done_steps
        self._state = state
        self._before_first_step = before_first_step
        self._steps = 0
        self._last_step = last_step
        self.copies: list[ResumableScheduler] = []
        self.first_sample: torch.Tensor | None = None
        self.last_sample: torch.Tensor | None = None
        self.predicted: torch.Tensor | None = None
        self.after_step: Callable[[int, torch.Tensor], None] | None = None
        # Pipelines look for parameters in these methods' signatures, so they must be the originals'.
        self.set_timesteps = self._restoring(scheduler.set_timesteps)
        self.step = self._watched(scheduler.step)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> ResumableScheduler:
        """Returns a scheduler that steps on its own, and whose state is saved with this one's."""
        inner = copy.deepcopy(self._scheduler, memo)
        vars(inner).pop(COPIES, None)
        return self.beside(inner)

    def beside(self, scheduler: Any) -> ResumableScheduler:
        """Returns a second scheduler of the same loop, which counts as a copy of this one.

        Args:
            scheduler: a diffusers scheduler with steps of its own, as many as this one has.
        """
        index = len(self.copies)
        made = ResumableScheduler(
            scheduler,
            done_steps=self._done_steps,
            state=self.state_of_copy(index),
            last_step=self._last_step,
            skipped_steps=self._skipped_steps,
        )
        self.copies.append(made)
        vars(self._scheduler)[COPIES] = [one.wrapped for one in self.copies]
        return made

    def part(self, first: int, steps: int) -> ResumableScheduler:
        """Returns a scheduler for one of several schedules that a family makes one after the other.

        Args:
            first: loop iterations of the schedules before it.
            steps: its own.
        """
        is_here = first < self._done_steps <= first + steps or (first == 0 and self._done_steps <= steps)
        ends_here = self._last_step is not None and first < self._last_step <= first + steps
        return ResumableScheduler(
            self._scheduler,
            done_steps=max(self._done_steps - first, 0),
            state=self._state if is_here else None,
            before_first_step=self.begin,
            last_step=self._last_step - first if ends_here and self._last_step is not None else None,
        )

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The wrapped scheduler's class."""
        return type(self._scheduler)

    def _restoring(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def set_timesteps(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            if self._state is not None:
                own = {name: value for name, value in self._state.items() if not name.startswith(COPIES)}
                vars(self._scheduler).update(own)

        return set_timesteps

    def _watched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        parameters = list(inspect.signature(original).parameters)
        carries = "old_pred_original_sample" in parameters

        @functools.wraps(original)
        def step(*args: Any, **kwargs: Any) -> Any:
            if self._steps == 0:
                self.begin()
                self._note_first_sample(dict(zip(parameters, args, strict=False)) | kwargs)
                args = self._with_previous_prediction(args) if carries and self._is_resumed else args
            self._steps += 1
            if self.is_at_last_step:
                self.predicted = predicted_x0(self._scheduler, dict(zip(parameters, args, strict=False)) | kwargs)
            result = original(*args, **kwargs)
            self.last_sample = result[0]
            if carries:
                setattr(self._scheduler, PREVIOUS_PREDICTION, result[1])
            if self.after_step is not None:
                self.after_step(self._steps, result[0])
            return result

        return step

    def _note_first_sample(self, arguments: Mapping[str, Any]) -> None:
        """Keeps a copy of what a whole schedule begins with; a pipeline may change its own in place."""
        sample = arguments.get("sample")
        self.first_sample = None if self._done_steps or sample is None else sample.detach().clone()

    def _with_previous_prediction(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Gives back what CogVideoX's loop keeps in local variables: the last prediction and the timestep before."""
        before = self._scheduler.timesteps[self._done_steps - 1]
        return (args[0], getattr(self._scheduler, PREVIOUS_PREDICTION, None), args[2], before, *args[4:])

    def begin(self) -> None:
        """Marks the end of preparations; called by the first step, or earlier by a loop that draws noise before it.

        Calls `before_first_step`, once.
        """
        begin, self._before_first_step = self._before_first_step, None
        if begin is not None:
            begin()

    def hide_skipped(self) -> None:
        """Hides skipped steps from the loop, which does not skip them by itself."""
        self._shown_steps = 0

    @property
    def _is_resumed(self) -> bool:
        """Whether any pass made steps before this one."""
        return self._done_steps > self._skipped_steps

    def state_of_copy(self, index: int) -> dict[str, Any] | None:
        """Returns what a checkpoint has of a deep copy; None where there is none.

        Args:
            index: which of the copies, in the order in which the pipeline makes them.
        """
        if self._state is None:
            return None
        prefix = f"{COPIES}.{index}."
        return {name.removeprefix(prefix): value for name, value in self._state.items() if name.startswith(prefix)}

    @property
    def done_steps(self) -> int:
        """Loop iterations done before this pass, those that are skipped included."""
        return self._done_steps

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Passes the index on, unless the restored state already holds the right one."""
        if not self._is_resumed:
            self._scheduler.set_begin_index(begin_index)

    @property
    def steps(self) -> int:
        """Loop iterations made in this pass, the one under way included."""
        return self._steps

    @property
    def total_steps(self) -> int:
        """Loop iterations of the whole schedule, those hidden from the loop included."""
        return len(self._scheduler.timesteps)

    @property
    def left(self) -> slice:
        """Which of all loop iterations are left for this pass."""
        return slice(self._done_steps, self._last_step)

    @property
    def is_at_last_step(self) -> bool:
        """Whether the iteration under way is the one that `last_step` says, or the schedule's last before it."""
        if self._last_step is None:
            return False
        return self._done_steps + self._steps == min(self._last_step, self.total_steps)

    @property
    def timesteps(self) -> torch.Tensor:
        """The timesteps that remain for the loop."""
        return self._scheduler.timesteps[self._done_steps - self._shown_steps : self._last_step]

    @property
    def sigmas(self) -> torch.Tensor:
        """The noise levels that remain, so that index i belongs to the i-th remaining step."""
        return self._scheduler.sigmas[self._done_steps :]

    @property
    def init_noise_sigma(self) -> Any:
        """The scale of fresh noise; 1 for latents that are already part of a trajectory."""
        return 1.0 if self._is_resumed else self._scheduler.init_noise_sigma

    @property
    def wrapped(self) -> Any:
        """The scheduler itself, for reading its state."""
        return self._scheduler


def scheduler_state(scheduler: Any) -> dict[str, Any]:
    """Copies everything a scheduler remembers: step index, multistep history, schedule; and its deep copies likewise.

    Returns:
        Attribute name -> tensor or NumPy array (copies, where they were), number, string, None or a list of these.

    Raises:
        TypeError: for a scheduler that remembers something else; it cannot be checkpointed.
    """
    state = {name: _copied(name, value) for name, value in vars(scheduler).items() if name not in (*STATELESS, COPIES)}
    for index, made in enumerate(vars(scheduler).get(COPIES, ())):
        state |= {f"{COPIES}.{index}.{name}": value for name, value in scheduler_state(made).items()}
    return state


def _copied(name: str, value: Any) -> Any:
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return [_copied(name, item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"scheduler attribute {name} is a {type(value).__name__}, which cannot be saved")
