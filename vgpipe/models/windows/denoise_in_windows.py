"""Denoises a clip longer than its model can hold, in windows, each with the prompt of its shot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Protocol

import torch

from vgpipe.models.base import Components, DenoiseRequest, Embeds, Windows
from vgpipe.models.resumable import ResumableScheduler
from vgpipe.models.windows.blend import window_starts, windowed_forward
from vgpipe.models.windows.shot_prompts import Prompts, compare_prompts, first_denoiser_call
from vgpipe.models.windows.window_cuts import Span, WindowCuts


class WindowedFamily(Protocol):
    """What windows need of a family; see `StockFamily`."""

    denoisers: ClassVar[tuple[str, ...]]

    @property
    def temporal_stride(self) -> int:
        """Frames of video to a latent frame."""
        ...

    @property
    def temporal_patch(self) -> int:
        """Latent frames that the denoiser takes together."""
        ...

    def latent_frames(self, num_frames: int) -> int:
        """Returns how many latent frames a clip has, padding included."""
        ...

    def padding(self, num_frames: int) -> int:
        """Returns how many latent frames of padding come before a clip's own."""
        ...

    def scheduler(self) -> Any:
        """Returns a fresh diffusers scheduler."""
        ...

    def run(self, components: Components, scheduler: ResumableScheduler, request: DenoiseRequest) -> Any:
        """Makes the stock call that denoises, at once."""
        ...


@contextmanager
def denoising_in_windows(
    family: WindowedFamily, cuts: WindowCuts, components: Components, request: DenoiseRequest, windows: Windows
) -> Iterator[None]:
    """Makes the denoisers work in windows while the context is open.

    Where several prompts apply, the denoiser arguments of each are found first: by a stock call for one window with
    that prompt and a generator of its own, stopped before the denoiser runs.

    Args:
        family: whose stock call is made meanwhile.
        cuts: how its denoisers' calls are cut.
        components: loaded components by name.
        request: the request; its generator is not changed.
        windows: of the request.

    Raises:
        ModelError: where the windows would add no frames.
    """
    modules = [components[name] for name in family.denoisers if name in components]
    spans = window_spans(family, request.num_frames, windows)
    shots = [_shot_at(windows, _middle(family, request.num_frames, windows, span)) for span in spans]
    prompts: Prompts | None = None
    if any(shots):
        calls = {shot: _call(family, modules, components, _one_window(request, windows, shot)) for shot in {0, *shots}}
        prompts = compare_prompts(calls, cuts, shots)
    with windowed_forward(modules, cuts, spans, prompts, request.cache.enter_window):
        yield


def window_spans(family: WindowedFamily, num_frames: int, windows: Windows) -> tuple[Span, ...]:
    """Returns the windows of a clip, which begin and end with whole patches of its latents.

    Args:
        family: knows how many latent frames a clip has.
        num_frames: frames of the clip.
        windows: what is asked for.

    Raises:
        ModelError: where a window would add no frames.
    """
    patch = family.temporal_patch
    total, length = (family.latent_frames(count) // patch for count in (num_frames, windows.num_frames))
    overlap = -(-windows.overlap_frames // (family.temporal_stride * patch))
    starts = window_starts(total, length, overlap)
    return tuple(Span(start * patch, min(length, total) * patch, total * patch) for start in starts)


def _middle(family: WindowedFamily, num_frames: int, windows: Windows, span: Span) -> int:
    """Returns the frame in the middle of a window, counted in the clip."""
    first = (span.start - family.padding(num_frames)) * family.temporal_stride
    return first + (min(windows.num_frames, num_frames) - 1) // 2


def _shot_at(windows: Windows, frame: int) -> int:
    """Returns the number of the prompt that holds at a frame, 0 for the request's own."""
    return sum(shot.first_frame <= frame for shot in windows.shots)


def _one_window(request: DenoiseRequest, windows: Windows, shot: int) -> DenoiseRequest:
    """Returns a request for a clip of one window, with the prompt of a shot; nothing of it is the clip's own state."""
    embeds: Sequence[Embeds] = (request.embeds, *(one.embeds for one in windows.shots))
    return replace(
        request,
        embeds=embeds[shot],
        num_frames=min(windows.num_frames, request.num_frames),
        generator=torch.Generator().manual_seed(request.generator.initial_seed()),
        latents=None,
        frames_NHWC=None if request.frames_NHWC is None else request.frames_NHWC[:1],
        windows=None,
    )


def _call(
    family: WindowedFamily, modules: Sequence[Any], components: Components, request: DenoiseRequest
) -> Mapping[str, Any]:
    scheduler = ResumableScheduler(family.scheduler())
    return first_denoiser_call(modules, partial(family.run, components, scheduler, request))
