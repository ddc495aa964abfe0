"""One encoder after another, until one delivers.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from vgpipe.errors import EncoderError, ExportError
from vgpipe.exporters.encoder_status import EncoderStatus
from vgpipe.exporters.exported import Exported, Fallback
from vgpipe.exporters.ffmpeg import one_line
from vgpipe.exporters.folder import empty, trial_folder
from vgpipe.exporters.frames import FramesExporter
from vgpipe.exporters.hardware_encoders import HardwareVideo
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.mp4 import X264, Mp4Exporter
from vgpipe.exporters.video import VideoExporter
from vgpipe.exporters.videos import GifExporter

TRIAL_FRAMES = 5
GREY_THWC = np.full((TRIAL_FRAMES, 64, 64, 3), 128, np.uint8)
ChainStep = VideoExporter | FramesExporter


class Head:
    """The first frames of a clip."""

    def __init__(self, frames_THWC: Frames, count: int):
        self._frames = frames_THWC
        self.shape = (min(count, frames_THWC.shape[0]), *frames_THWC.shape[1:])

    def __iter__(self) -> Iterator[np.ndarray]:
        return islice(iter(self._frames), self.shape[0])


class EncoderChain:
    """Exports with the first step that works; one that fails is not tried again.

    Args:
        steps: in order; the first is what was asked for, the last needs no ffmpeg.
        status: what is known of the encoders; None for a memory of its own.
    """

    def __init__(self, steps: Sequence[ChainStep], status: EncoderStatus | None = None):
        self.kind = steps[0].kind
        self._steps = tuple(steps)
        self._status = status or EncoderStatus()

    def export(
        self, frames_THWC: Frames, *, fps: float, folder: Path, recipe: Mapping[str, Any] | None = None
    ) -> Exported:
        """Writes the files into `folder`.

        Raises:
            ExportError: where the folder is full, read-only or gone; no encoder can help that.
        """
        for step in self._steps[:-1]:
            if self._status.of(step.name) is not None:
                continue
            try:
                self._prove(step, frames_THWC, fps, folder)
                return self._exported(step, frames_THWC, fps, folder, recipe)
            except EncoderError as error:
                self._status.note(step.name, one_line(str(error)))
                empty(folder)
        return self._last(frames_THWC, fps, folder, recipe)

    def may_fall_back(self) -> bool:
        """Says whether another step's file may pass: there is one, and the encoder that was asked for does not work."""
        return len(self._steps) > 1 and not self._works()

    def _works(self) -> bool:
        """Says whether the encoder that was asked for works, as far as is known, or by a trial on a few grey frames."""
        asked = self._steps[0]
        if self._status.of(asked.name) is None and not self._status.has_proved(asked.name):
            try:
                with tempfile.TemporaryDirectory() as folder:
                    asked.export(GREY_THWC, fps=8, folder=Path(folder))
                self._status.prove(asked.name)
            except EncoderError as error:
                self._status.note(asked.name, one_line(str(error)))
            except (ExportError, OSError):  # there is no room for a trial
                return False
        return self._status.of(asked.name) is None

    def _last(self, frames_THWC: Frames, fps: float, folder: Path, recipe: Mapping[str, Any] | None) -> Exported:
        """Exports with the last step, whose failure is the clip's."""
        step = self._steps[-1]
        if (said := self._status.of(step.name)) is not None:
            raise EncoderError(said)
        try:
            self._prove(step, frames_THWC, fps, folder)
            return self._exported(step, frames_THWC, fps, folder, recipe)
        except EncoderError as error:
            self._status.note(step.name, one_line(str(error)))
            raise

    def _exported(
        self, step: ChainStep, frames_THWC: Frames, fps: float, folder: Path, recipe: Mapping[str, Any] | None
    ) -> Exported:
        fallback = self._fallback(step)
        told = recipe if recipe is None or fallback is None else _with(fallback, recipe)
        made = step.export(frames_THWC, fps=fps, folder=folder, recipe=told)
        return replace(made, degradation=fallback)

    def _prove(self, step: ChainStep, frames_THWC: Frames, fps: float, folder: Path) -> None:
        """Encodes a few frames by a hardware encoder, which may be listed and still not work."""
        is_hardware = isinstance(step, HardwareVideo) and step.family is not None
        if not is_hardware or self._status.has_proved(step.name):
            return
        with trial_folder(folder) as trial:
            step.export(Head(frames_THWC, TRIAL_FRAMES), fps=fps, folder=trial)
        self._status.prove(step.name)

    def _fallback(self, step: ChainStep) -> Fallback | None:
        asked = self._steps[0]
        if step is asked:
            return None
        is_bare = isinstance(step, FramesExporter) and isinstance(asked, VideoExporter) and asked.changes_frames
        got = f"{step.name}, with the clip's own size and rate" if is_bare else step.name
        return Fallback(asked.name, got, self._status.of(asked.name) or "")


def _with(fallback: Fallback, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a recipe that tells of a stand-in, so that the file itself does."""
    told = {"kind": "exporter", **asdict(fallback), "stage": None}
    return {**recipe, "degradations": [*recipe.get("degradations", ()), told]}


def chain_of(first: VideoExporter, status: EncoderStatus | None = None) -> EncoderChain:
    """Returns the encoder that was asked for and what stands in for it: its kind's own, H.264, MPEG-4, GIF, PNG frames.

    Args:
        first: the encoder that was asked for.
        status: what is known of the encoders; chains that share it try none twice.
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
