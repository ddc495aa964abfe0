"""Denoises a clip in overlapping windows, of which the model sees one at a time.

The stock pipeline makes its steps on the whole clip; at each, what the denoiser predicts for the windows is blended to
one prediction for all (MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113). So there is one trajectory however long
the clip, and beside latents of its length memory holds what one window takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.windows.patched_forward import Forward, patched_forward
from vgpipe.models.windows.window_cuts import Span, WindowCuts

if TYPE_CHECKING:
    import torch

    from vgpipe.models.windows.shot_prompts import Prompts

VERSION = 1
"""Part of the store key of latents denoised in windows: goes up where the numbers and functions here change bits."""
OVERLAP_WEIGHT = 0.01
"""How much a window counts at most where it shares frames with the previous one, which counts 1 there.

Our choice: what the earlier window began is kept, and the later one continues it. Where both count alike they
settle on a mean that moves less. Of 40 segments with a moving object 32 were right so, and 28 with an even blend.
"""


def window_starts(total: int, length: int, overlap: int) -> tuple[int, ...]:
    """Returns where windows begin, so that they cover a clip.

    Args:
        total: latent frames of the clip.
        length: latent frames of a window, 1 or more; all windows are that long, unless the clip is shorter.
        overlap: latent frames that neighbours share at least; the last two share more where that does not come out
            even, since the last window ends with the clip.

    Raises:
        ModelError: where a window would add no frames.
    """
    if total <= length:
        return (0,)
    if overlap >= length:
        raise ModelError(f"windows of {length} latent frames share {overlap} -> let them share fewer")
    return (*range(0, total - length, length - overlap), total - length)


def blend_weights(starts: Sequence[int], length: int, total: int) -> tuple[torch.Tensor, ...]:
    """Returns how much each window counts for each of its frames.

    Where a window shares frames with the previous one, its weight rises in even steps towards `OVERLAP_WEIGHT`;
    elsewhere it is 1. For each frame the weights are then normalised to sum to 1.

    Args:
        starts: where the windows begin, latent frames.
        length: latent frames of a window.
        total: latent frames of the clip.

    Returns:
        One tensor (length,) float32 for each window.
    """
    import torch

    length = min(length, total)
    raw = [torch.ones(length, dtype=torch.float64) for _ in starts]
    for weights, start, before in zip(raw[1:], starts[1:], starts, strict=False):
        shared = before + length - start
        weights[:shared] = OVERLAP_WEIGHT * torch.arange(1, shared + 1) / (shared + 1)
    sums = torch.zeros(total, dtype=torch.float64)
    for start, weights in zip(starts, raw, strict=True):
        sums[start : start + length] += weights
    return tuple((weights / sums[start : start + length]).float() for start, weights in zip(starts, raw, strict=True))


@contextmanager
def windowed_forward(
    modules: Iterable[Any],
    cuts: WindowCuts,
    spans: Sequence[Span],
    prompts: Prompts | None = None,
    on_window: Callable[[int], None] = lambda _number: None,
) -> Iterator[None]:
    """Makes denoisers work on windows of their input while the context is open, and blends their predictions.

    Args:
        modules: the denoisers; they have their own `forward` again afterwards.
        cuts: how its arguments are cut.
        spans: the windows, which cover the clip.
        prompts: where not one prompt holds in all windows.
        on_window: called with the number of a window before the denoiser is called for it.
    """
    with patched_forward(modules, _WindowedForward(cuts, spans, prompts, on_window)):
        yield


class _WindowedForward:
    """A denoiser's call on a whole clip, made on its windows one by one."""

    def __init__(
        self, cuts: WindowCuts, spans: Sequence[Span], prompts: Prompts | None, on_window: Callable[[int], None]
    ):
        self._cuts, self._spans, self._prompts, self._on_window = cuts, spans, prompts, on_window
        self._weights = blend_weights([span.start for span in spans], spans[0].length, spans[0].total)

    def __call__(self, forward: Forward, arguments: dict[str, Any]) -> Any:
        if self._spans[0].is_whole:
            return forward(**self._of_window(arguments, 0))
        self._prove(arguments)
        self._on_window(0)
        output = forward(**self._of_window(arguments, 0))
        blended = self._blank(_sample(output))
        self._add(blended, _sample(output), 0)
        for number in range(1, len(self._spans)):
            self._on_window(number)
            output = forward(**self._of_window(arguments, number))
            self._add(blended, _sample(output), number)
        return _with_sample(output, blended)

    def _prove(self, arguments: Mapping[str, Any]) -> None:
        size, total = arguments[self._cuts.sample].shape[self._cuts.axis], self._spans[0].total
        if size % total:
            reason = f"the denoiser was given {size} entries where the clip has {total} latent frames"
            raise ModelError(f"{reason} -> num_frames that the model can make")

    def _of_window(self, arguments: Mapping[str, Any], number: int) -> dict[str, Any]:
        cut = self._cuts.of_window(arguments, self._spans[number])
        return cut if self._prompts is None else self._prompts.swapped(cut, number)

    def _blank(self, predicted: torch.Tensor) -> torch.Tensor:
        """Returns zeros for all of the clip, in float32 at least: sums of halves would be rounded."""
        import torch

        span, shape = self._spans[0], list(predicted.shape)
        shape[self._cuts.axis] = shape[self._cuts.axis] * span.total // span.length
        return predicted.new_zeros(shape, dtype=torch.promote_types(predicted.dtype, torch.float32))

    def _add(self, blended: torch.Tensor, predicted: torch.Tensor, number: int) -> None:
        axis, span = self._cuts.axis, self._spans[number]
        entries = predicted.shape[axis] // span.length
        weights = self._weights[number].repeat_interleave(entries).to(predicted.device)
        along = [-1 if one == axis else 1 for one in range(predicted.ndim)]
        blended.narrow(axis, *span.entries_of(blended.shape[axis])).add_(predicted * weights.view(along))


def _sample(output: Any) -> torch.Tensor:
    """Returns what a denoiser predicts, of either form of its output."""
    sample: torch.Tensor = output[0]
    return sample


def _with_sample(output: Any, blended: torch.Tensor) -> Any:
    """Returns an output of the same form and precision with another prediction."""
    sample = blended.to(_sample(output).dtype)
    return (sample, *output[1:]) if isinstance(output, tuple) else type(output)(sample=sample)
