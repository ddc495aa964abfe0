"""How far a run is at one moment, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerNow:
    """What one worker does at one moment.

    Attributes:
        name: of the worker, as events and the log call it.
        device: its device; empty while it starts.
        stage: what runs now: a stage, `importing libraries`, `download` or `thread tuning`; empty where nothing does.
        clip: what it runs for: a clip, a canary, or a component that is downloaded; empty where nothing is.
        segment: which segment of a long clip, from 1; None for a short one.
        segments: how many segments that clip has; None for a short one.
        step: denoising steps that are done, or bytes that are downloaded; None where nothing is counted.
        steps: all steps, or bytes.
        loading: the component that is loaded at this moment; empty where none is.
    """

    name: str = ""
    device: str = ""
    stage: str = ""
    clip: str = ""
    segment: int | None = None
    segments: int | None = None
    step: int | None = None
    steps: int | None = None
    loading: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressState:
    """How far a run is, at one moment.

    Attributes:
        clips_done: clips whose files are there, those of earlier runs included.
        clips: all clips of the run.
        pieces_done: pieces of work that are done: texts to encode, segments to denoise and to decode, clips to export.
        pieces: all pieces of work; fewer as soon as a clip fails.
        fraction: of the work that is done, 0 to 1, by time rather than by pieces; decreases only where clips are added.
        stage: what runs now: a stage, `importing libraries`, `download`, `thread tuning` or `paused`; empty before the
            first.
        clip: what it runs for: a clip, a canary, or a component that is downloaded; empty where nothing is.
        segment: which segment of a long clip, from 1; None for a short one.
        segments: how many segments that clip has; None for a short one.
        step: denoising steps that are done, or bytes that are downloaded; None where nothing is counted.
        steps: all steps, or bytes.
        loading: the component that is loaded at this moment; empty where none is.
        eta_s: seconds left; None until a denoising has a pace, or every stage that is left has been measured.
        finish_at: when the run will be done, as local time; None where `eta_s` is.
        workers: what each worker does, by name, where several work; `stage` to `loading` are then those of the one
            whose news is the latest.
    """

    clips_done: int
    clips: int
    pieces_done: int
    pieces: int
    fraction: float = 0.0
    stage: str = ""
    clip: str = ""
    segment: int | None = None
    segments: int | None = None
    step: int | None = None
    steps: int | None = None
    loading: str = ""
    eta_s: float | None = None
    finish_at: datetime | None = None
    workers: tuple[WorkerNow, ...] = ()


ProgressListener = Callable[[ProgressState], None]
