"""Passes on what workers tell that decides nothing: log lines, events, progress."""

from __future__ import annotations

import logging

from vgpipe.executor.progress import Progress
from vgpipe.executor.run_records import RunRecords
from vgpipe.executor.workers.messages import (
    Began,
    Event,
    FromWorker,
    LoadsPart,
    LogLine,
    PieceDone,
    PieceDropped,
    StepDone,
)
from vgpipe.vocabulary import STAGES


class Relay:
    """Passes on messages, each with the name of its worker.

    Args:
        records: get the events.
        progress: counts the work.
    """

    def __init__(self, records: RunRecords, progress: Progress):
        self._records, self._progress = records, progress

    def take(self, worker: str, message: FromWorker) -> None:
        """Passes a message on; other kinds than those of this file are left alone."""
        progress = self._progress
        match message:
            case LogLine():
                relay_line(worker, message)
            case Event():
                self._records.event(message.kind, worker=worker, **message.facts)
            case Began():
                if message.stage in STAGES:
                    self._records.event("stage_began", worker=worker, stage=message.stage, clip=message.clip)
                progress.begin(
                    message.stage, message.clip, segment=message.segment, is_canary=message.is_canary, worker=worker
                )
            case LoadsPart():
                progress.loading(message.part, worker=worker)
            case StepDone():
                progress.step(message.done, message.total, worker=worker)
            case PieceDone(typical_s=None):
                progress.advance(message.stage, message.seconds, message.name, worker=worker)
            case PieceDone():
                progress.tried(message.stage, message.seconds, message.name, message.typical_s or 0.0, worker=worker)
            case PieceDropped():
                progress.drop(message.stage, worker=worker)
            case _:
                pass


def relay_line(worker: str, line: LogLine) -> None:
    """Logs a worker's line under its logger and its own time, with the worker's name before it."""
    logger = logging.getLogger(line.logger)
    if not logger.isEnabledFor(line.level):
        return
    record = logger.makeRecord(line.logger, line.level, "", 0, f"[{worker}] %s", (line.text,), None)
    record.bar = line.level <= logging.INFO  # on a terminal the worker's line of the bars says what it does
    record.created = line.at_s
    record.msecs = (line.at_s - int(line.at_s)) * 1000
    logger.handle(record)
