"""Tries encoders in order until one works; one that something else ended is tried again first.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from vgpipe.errors import EncoderCrashed, EncoderError, EncoderInterrupted, ExportError
from vgpipe.exporters.encoder_status import EncoderStatus
from vgpipe.exporters.exported import Exported, Fallback
from vgpipe.exporters.ffmpeg import one_line
from vgpipe.exporters.folder import empty, trial_folder
from vgpipe.exporters.frames import FramesExporter
from vgpipe.exporters.hardware_encoders import HardwareVideo
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.mp4 import X264, Mp4Exporter
from vgpipe.exporters.soundtrack import KINDS
from vgpipe.exporters.temporary import temporary_folder
from vgpipe.exporters.video import VideoExporter
from vgpipe.exporters.videos import GifExporter
from vgpipe.sound.track import Track

log = logging.getLogger(__name__)

MAX_INTERRUPTIONS, MAX_CRASHES = 3, 2
"""How often a clip may be interrupted in an encoder, and an encoder may crash or hang, before the next one is tried."""
PAUSE_S = 0.5
"""Before the second attempt; longer before the third."""
TRIAL_FRAMES = 5
GREY_THWC = np.full((TRIAL_FRAMES, 64, 64, 3), 128, np.uint8)
ChainStep = VideoExporter | FramesExporter


class FirstFrames:
    """The first frames of a clip."""

    def __init__(self, frames_THWC: Frames, count: int):
        self._frames = frames_THWC
        self.shape = (min(count, frames_THWC.shape[0]), *frames_THWC.shape[1:])

    def __iter__(self) -> Iterator[np.ndarray]:
        return islice(iter(self._frames), self.shape[0])


class EncoderChain:
    """Exports with the first encoder that works; one that fails is not tried again.

    Args:
        steps: exporters in order; the first is the requested one, the last needs no ffmpeg.
        status: of the encoders; None for one of its own.
    """

    def __init__(self, steps: Sequence[ChainStep], status: EncoderStatus | None = None):
        self.kind = steps[0].kind
        self._steps = tuple(steps)
        self._status = status or EncoderStatus()

    def export(
        self,
        frames_THWC: Frames,
        *,
        fps: float,
        folder: Path,
        recipe: Mapping[str, Any] | None = None,
        sound: Track | None = None,
    ) -> Exported:
        """Writes the files into `folder`.

        Raises:
            ExportError: if the folder is full, read-only or missing, where no other encoder would help.
        """
        failed: dict[str, str] = {}
        for step in self._steps:
            if (reason := self._status.of(step.name)) is None:
                try:
                    return self._exported(step, failed, frames_THWC, fps, folder, recipe, sound)
                except EncoderError as error:
                    reason = one_line(str(error))
                    if not isinstance(error, EncoderInterrupted):  # which says nothing of the next clip
                        self._status.note(step.name, reason)
                    empty(folder)
            failed[step.name] = reason
        raise EncoderError(failed[self._steps[-1].name])

    def may_fall_back(self) -> bool:
        """Returns whether a fallback may deliver: there is one, and the requested encoder does not work."""
        return len(self._steps) > 1 and not self._works()

    def _works(self) -> bool:
        """Returns whether the requested encoder works, from its status or a trial with a few grey frames."""
        requested = self._steps[0]
        if self._status.of(requested.name) is None and not self._status.has_proved(requested.name):
            try:
                with temporary_folder() as folder:
                    _repeated(partial(requested.export, GREY_THWC, fps=8, folder=folder), requested.name, folder)
                self._status.prove(requested.name)
            except EncoderInterrupted:  # nobody knows
                return False
            except EncoderError as error:
                self._status.note(requested.name, one_line(str(error)))
            except (ExportError, OSError):  # no disk space for a trial
                return False
        return self._status.of(requested.name) is None

    def _exported(
        self,
        step: ChainStep,
        failed: Mapping[str, str],
        frames_THWC: Frames,
        fps: float,
        folder: Path,
        recipe: Mapping[str, Any] | None,
        sound: Track | None,
    ) -> Exported:
        fallback = self._fallback(step, failed, has_sound=sound is not None)
        embedded = recipe if recipe is None or fallback is None else _with(fallback, recipe)

        def export() -> Exported:
            self._prove(step, frames_THWC, fps, folder)
            return step.export(frames_THWC, fps=fps, folder=folder, recipe=embedded, sound=sound)

        return replace(_repeated(export, step.name, folder), degradation=fallback)

    def _prove(self, step: ChainStep, frames_THWC: Frames, fps: float, folder: Path) -> None:
        """Encodes a few frames if the encoder is a hardware encoder, which may be listed and still not work."""
        is_hardware = isinstance(step, HardwareVideo) and step.family is not None
        if not is_hardware or self._status.has_proved(step.name):
            return
        with trial_folder(folder) as trial:
            step.export(FirstFrames(frames_THWC, TRIAL_FRAMES), fps=fps, folder=trial)
        self._status.prove(step.name)

    def _fallback(self, step: ChainStep, failed: Mapping[str, str], *, has_sound: bool) -> Fallback | None:
        requested = self._steps[0]
        if step is requested:
            return None
        is_bare = isinstance(step, FramesExporter) and isinstance(requested, VideoExporter) and requested.changes_frames
        got = f"{step.name}, with the clip's own size and rate" if is_bare else step.name
        is_muted = has_sound and requested.kind in KINDS and step.kind not in KINDS
        return Fallback(requested.name, f"{got}, without sound" if is_muted else got, failed[requested.name])


def _repeated(export: Callable[[], Exported], name: str, folder: Path) -> Exported:
    """Exports; tries again, with the same encoder, where that was interrupted or crashed.

    Raises:
        EncoderError: where it is refused, or fails time and again.
    """
    attempt = 1
    while True:
        try:
            return export()
        except (EncoderInterrupted, EncoderCrashed) as error:
            if attempt >= (MAX_CRASHES if isinstance(error, EncoderCrashed) else MAX_INTERRUPTIONS):
                raise
            log.warning("%s: %s; trying again with the same encoder", name, one_line(str(error)))
            empty(folder)
            time.sleep(PAUSE_S * attempt)
            attempt += 1


def _with(fallback: Fallback, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a recipe with the fallback among its degradations, so that the file records it."""
    degradation = {"kind": "exporter", **asdict(fallback), "stage": None}
    return {**recipe, "degradations": [*recipe.get("degradations", ()), degradation]}


def chain_of(first: VideoExporter, status: EncoderStatus | None = None) -> EncoderChain:
    """Returns the requested encoder and its fallbacks: its kind's own encoder, H.264, MPEG-4, GIF, PNG frames.

    Args:
        first: the requested encoder.
        status: of the encoders; chains that share it try none twice.
    """
    shared = {
        "fps": first.fps,
        "interpolate": first.interpolate,
        "upscale_height": first.upscale_height,
        "upscale_factor": first.upscale_factor,
        "timeout_s": first.timeout_s,
    }
    plain = first if isinstance(first, Mp4Exporter) else Mp4Exporter(**shared)  # type: ignore[arg-type]
    videos = [replace(plain, encoder=encoder) for encoder in (X264, "libopenh264", "mpeg4")]
    own = [replace(first, encoder=None)] if isinstance(first, HardwareVideo) else []
    steps: list[ChainStep] = [first, *own, *videos, GifExporter(**shared), FramesExporter()]  # type: ignore[arg-type]
    unique: dict[str, ChainStep] = {}
    for step in steps:
        unique.setdefault(step.name, step)
    return EncoderChain(tuple(unique.values()), status)
