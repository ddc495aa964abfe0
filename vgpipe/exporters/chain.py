"""One encoder after another, until one delivers.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from vgpipe.errors import EncoderError
from vgpipe.exporters.exported import Exported, Fallback
from vgpipe.exporters.ffmpeg import one_line
from vgpipe.exporters.folder import empty, inside
from vgpipe.exporters.frames import FramesExporter
from vgpipe.exporters.joined import Frames
from vgpipe.exporters.mp4 import HARDWARE, X264, Mp4Exporter
from vgpipe.exporters.video import VideoExporter
from vgpipe.exporters.videos import GifExporter

log = logging.getLogger(__name__)

TRIAL_FRAMES = 5
Step = VideoExporter | FramesExporter


class Head:
    """The first frames of a clip."""

    def __init__(self, frames_THWC: Frames, count: int):
        self._frames = frames_THWC
        self.shape = (min(count, frames_THWC.shape[0]), *frames_THWC.shape[1:])

    def __iter__(self) -> Iterator[np.ndarray]:
        return islice(iter(self._frames), self.shape[0])


class Chain:
    """Exports with the first step that works; one that fails is not tried again.

    Args:
        steps: in order; the first is what was asked for, the last needs no ffmpeg.
    """

    def __init__(self, steps: Sequence[Step]):
        self.kind = steps[0].kind
        self._steps = tuple(steps)
        self._lock = threading.Lock()
        self._failed: dict[str, str] = {}
        self._proved: set[str] = set()

    def export(self, frames_THWC: Frames, *, fps: float, folder: Path) -> Exported:
        """Writes the files into `folder`.

        Raises:
            ExportError: where the folder is full, read-only or gone; no encoder can help that.
        """
        for step in self._steps[:-1]:
            if self._has_failed(step):
                continue
            try:
                self._prove(step, frames_THWC, fps, folder)
                return self._told(step, step.export(frames_THWC, fps=fps, folder=folder))
            except EncoderError as error:
                self._give_up(step, error)
                empty(folder)
        last = self._steps[-1]
        return self._told(last, last.export(frames_THWC, fps=fps, folder=folder))

    def _has_failed(self, step: Step) -> bool:
        with self._lock:
            return step.name in self._failed

    def _prove(self, step: Step, frames_THWC: Frames, fps: float, folder: Path) -> None:
        """Encodes a few frames by a hardware encoder, which may be listed and still not work."""
        if getattr(step, "encoder", None) not in HARDWARE or step.name in self._proved:
            return
        with inside(folder) as trial:
            step.export(Head(frames_THWC, TRIAL_FRAMES), fps=fps, folder=trial)
        self._proved.add(step.name)

    def _give_up(self, step: Step, error: EncoderError) -> None:
        said = one_line(str(error))
        with self._lock:
            if step.name not in self._failed:
                log.warning("%s does not work here and is left out from now on: %s", step.name, said)
            self._failed.setdefault(step.name, said)

    def _told(self, step: Step, made: Exported) -> Exported:
        asked = self._steps[0]
        if step is asked:
            return made
        is_bare = isinstance(step, FramesExporter) and isinstance(asked, VideoExporter) and asked.changes_frames
        got = f"{step.name}, with the clip's own size and rate" if is_bare else step.name
        with self._lock:
            return replace(made, degradation=Fallback(asked.name, got, self._failed[asked.name]))


def chain_of(first: VideoExporter) -> Chain:
    """Returns the encoder that was asked for and what stands in for it: H.264, MPEG-4, GIF, PNG frames."""
    shared = {
        "fps": first.fps,
        "interpolate": first.interpolate,
        "upscale_height": first.upscale_height,
        "upscale_factor": first.upscale_factor,
        "timeout_s": first.timeout_s,
    }
    plain = first if isinstance(first, Mp4Exporter) else Mp4Exporter(**shared)  # type: ignore[arg-type]
    videos = [replace(plain, encoder=encoder) for encoder in (X264, "libopenh264", "mpeg4")]
    steps: list[Step] = [first, *videos, GifExporter(**shared), FramesExporter()]  # type: ignore[arg-type]
    unique: dict[str, Step] = {}
    for step in steps:
        unique.setdefault(step.name, step)
    return Chain(tuple(unique.values()))
