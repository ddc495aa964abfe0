"""Finds the denoiser arguments that depend on the prompts of a clip's shots, so that each window gets its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_flatten

from vgpipe.errors import ModelError
from vgpipe.models.windows.patched_forward import Forward, patched_forward
from vgpipe.models.windows.window_cuts import WindowCuts


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a denoiser is given of the prompts of a clip: the arguments of its `forward` that depend on them.

    Attributes:
        first: of the prompt that the stock pipeline is called with.
        of_windows: for each window, those of the prompt that holds there.
    """

    first: Mapping[str, Any]
    of_windows: Sequence[Mapping[str, Any]]

    def swapped(self, arguments: dict[str, Any], window: int) -> dict[str, Any]:
        """Returns the arguments of a window's call, with the prompt that holds there.

        A call that is not for the first prompt stays as it is: that for the negative one, where it is apart.
        """
        is_for_first = all(is_same(arguments.get(name), value) for name, value in self.first.items())
        return {**arguments, **self.of_windows[window]} if is_for_first else arguments


def compare_prompts(calls: Mapping[int, Mapping[str, Any]], cuts: WindowCuts, shots: Sequence[int]) -> Prompts:
    """Compares calls of a denoiser for the same clip with other prompts.

    Args:
        calls: shot, counted from 0 -> the arguments by name, of a call for a clip of a window's length.
        cuts: how they are cut; what is cut by frames tells nothing of a prompt.
        shots: the shot that holds in each window.
    """
    first = calls[0]
    names = [name for name in first if cuts.may_depend_on_prompt(name)]
    differing = [name for name in names if not all(is_same(first[name], call[name]) for call in calls.values())]
    arguments = {shot: {name: call[name] for name in differing} for shot, call in calls.items()}
    return Prompts(arguments[0], [arguments[shot] for shot in shots])


class _FirstCall(Exception):
    """Carries the arguments of a denoiser's first call out of a pipeline."""

    def __init__(self, arguments: Mapping[str, Any]):
        self.arguments = arguments
        super().__init__()


def first_denoiser_call(modules: Iterable[Any], run: Callable[[], Any]) -> Mapping[str, Any]:
    """Runs a stock call as far as its first call of a denoiser, and returns the arguments of that by name.

    Args:
        modules: the denoisers, which do not run.
        run: the stock call.

    Raises:
        ModelError: where it calls none.
    """

    def begun(_forward: Forward, arguments: dict[str, Any]) -> None:
        raise _FirstCall(arguments)

    with patched_forward(modules, begun):
        try:
            run()
        except _FirstCall as call:
            return call.arguments
    raise ModelError("the pipeline denoises nothing -> ask for 1 step or more")


def is_same(one: Any, other: Any) -> bool:
    """Returns whether two arguments of a call hold the same."""
    (ones, shape), (others, other_shape) = tree_flatten(one), tree_flatten(other)
    return shape == other_shape and all(map(_is_same_leaf, ones, others))


def _is_same_leaf(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return not isinstance(one, torch.Tensor) and not isinstance(other, torch.Tensor) and bool(one == other)
