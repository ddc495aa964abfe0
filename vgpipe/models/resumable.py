"""Lets a stock pipeline go on in the middle of its schedule, by wrapping its scheduler.

diffusers' pipelines ask the scheduler for `timesteps` and loop over them; a wrapper that hides the steps already
done and restores the multistep history makes the stock loop continue by itself. A pipeline argument for the first
step and scheduler state would make this unnecessary; diffusers 0.42 has none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

ALL_STEPS = 1 << 30
STATELESS = ("config", "_internal_dict")


class ResumableScheduler:
    """A scheduler whose first `done_steps` steps are over.

    Everything else is the wrapped scheduler's own.

    Args:
        scheduler: a diffusers scheduler.
        done_steps: loop iterations already done; `ALL_STEPS` leaves none.
        state: what `scheduler_state` gave after those; None where none are done or none remain.
    """

    def __init__(self, scheduler: Any, *, done_steps: int = 0, state: Mapping[str, Any] | None = None):
        self._scheduler = scheduler
        self._done_steps = done_steps
        self._state = state
        # Pipelines look for `timesteps` and `sigmas` in this method's signature, so it must be the original's.
        self.set_timesteps = self._restoring(scheduler.set_timesteps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)

    def _restoring(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def set_timesteps(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            if self._state is not None:
                vars(self._scheduler).update(self._state)

        return set_timesteps

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Passes the index on, unless the restored state already holds the right one."""
        if not self._done_steps:
            self._scheduler.set_begin_index(begin_index)

    @property
    def timesteps(self) -> torch.Tensor:
        """The timesteps that remain."""
        return self._scheduler.timesteps[self._done_steps :]

    @property
    def sigmas(self) -> torch.Tensor:
        """The noise levels that remain, so that index i belongs to the i-th remaining step."""
        return self._scheduler.sigmas[self._done_steps :]

    @property
    def init_noise_sigma(self) -> Any:
        """The scale of fresh noise; 1 for latents that are already part of a trajectory."""
        return 1.0 if self._done_steps else self._scheduler.init_noise_sigma

    @property
    def wrapped(self) -> Any:
        """The scheduler itself, for reading its state."""
        return self._scheduler


def scheduler_state(scheduler: Any) -> dict[str, Any]:
    """Copies everything a scheduler remembers: step index, multistep history, schedule.

    Returns:
        Attribute name -> tensor or NumPy array (copies, where they were), number, string, None or a list of these.

    Raises:
        TypeError: for a scheduler that remembers something else; it cannot be checkpointed.
    """
    return {name: _copied(name, value) for name, value in vars(scheduler).items() if name not in STATELESS}


def _copied(name: str, value: Any) -> Any:
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
