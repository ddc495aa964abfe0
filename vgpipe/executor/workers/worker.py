"""A worker: opens the model on one device and makes the clips that it is handed, until the driver ends it."""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.finished_files import finished_files_of
from vgpipe.clips.from_config import key_maker
from vgpipe.clips.notes import TextNotes
from vgpipe.clips.requested import exporters_of
from vgpipe.collection import START_UP
from vgpipe.config.schema import Config
from vgpipe.errors import ModelError, Stopped, VgpipeError
from vgpipe.executor.base import WorkInputs
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.downloads import fetch_weights
from vgpipe.executor.past_trials import conditions_of
from vgpipe.executor.rendering import IMPORTING, TUNING
from vgpipe.executor.thread_tuning import threads
from vgpipe.executor.workers.foreseeing import foreseen_of
from vgpipe.executor.workers.making import ClipMaker, MakerSettings
from vgpipe.executor.workers.messages import (
    Began,
    End,
    Granted,
    HandOut,
    HandOutEnded,
    Ready,
    StopNow,
    ToWorker,
    Tune,
    Tuned,
    Unable,
    UseThreads,
    Why,
    WorkerSettings,
)
from vgpipe.executor.workers.model_digest import family_digest
from vgpipe.executor.workers.results import failure_of
from vgpipe.executor.workers.telling import AskedTurns, Send, ToldProgress
from vgpipe.executor.workers.versions import versions_here
from vgpipe.fallback.loading_ladder import WATERMARK, LoadedModel
from vgpipe.hardware import device_of, free_memory_bytes
from vgpipe.models.base import Family
from vgpipe.plans.starting_point import StartingPlan, first_strategies
from vgpipe.store.artifacts import Store
from vgpipe.units import to_gib

log = logging.getLogger(__name__)

COLLECTED_EVERY_S = 0.05
"""Between two looks at running exports, while a worker waits for clips."""


class Worker:
    """Makes clips in this process and tells the driver what happens; writes to its store alone.

    Args:
        settings: what it needs to know before its first clip.
        send: sends a message to the driver; called from the thread of `run`, in order.
        store: where its artifacts are; None: the folder that the config names.
    """

    def __init__(self, settings: WorkerSettings, send: Send, store: Store | None = None):
        self._settings, self._send, self._store = settings, send, store
        self._stop = CancelToken()
        self._why, self._has_ended = Why.IDLE, False
        self._inbox: queue.SimpleQueue[ToWorker] = queue.SimpleQueue()
        self._turns = AskedTurns(send, self._stop)

    def deliver(self, message: ToWorker) -> None:
        """Takes a message of the driver; from any thread."""
        if isinstance(message, Granted):
            self._turns.answer(message.digest, is_yours=message.is_yours)
            return
        if isinstance(message, StopNow):
            self._why = Why.ASKED
            self._stop.cancel(message.reason, "stopping")
        self._inbox.put(message)

    def leave(self, reason: str) -> None:
        """Gives the clips back after saving a checkpoint, and ends; from any thread, or a signal handler."""
        # In a thread: a signal handler may interrupt a message that is being sent, or a line that is being logged.
        threading.Thread(target=self._leave, args=(reason,), name="leave", daemon=True).start()

    def _leave(self, reason: str) -> None:
        self._why = Why.LEAVING
        self._stop.cancel(reason, "saving a checkpoint and giving the clips back")
        self._inbox.put(End())

    def run(self) -> None:
        """Makes clips until the driver ends the worker, it leaves, or it cannot open the model."""
        self._send(Began(IMPORTING))
        try:
            inputs = self._inputs()
            with threads(inputs.config.hardware.threads), self._maker(inputs) as maker:
                self._send(self._ready(inputs, maker))
                self._send(Began(""))
                while not self._has_ended:
                    self._handle(self._next(maker), maker)
        except Stopped:
            self._send(HandOutEnded(0, self._why, self._stop.reason))
        except (VgpipeError, OSError) as error:
            log.debug("traceback of a worker", exc_info=error)
            self._send(Unable(str(error), failure_of(error) if isinstance(error, ModelError) else None))

    def _inputs(self) -> WorkInputs:
        config, plan = self._settings.config, self._settings.load_plan
        keys = key_maker(
            plan.config,
            config.memory,
            config.store.dir,
            watermark=WATERMARK if plan.is_placeholder else None,
            carries_recipe=config.run.metadata,
            is_other_model=plan.is_other_model,
            quality=config.quality,
        )
        family = keys.family
        family.check_classes()
        START_UP.end()  # the libraries are imported, and what is made from here on may be garbage
        fetch_weights(family, ToldProgress(self._send), self._stop)
        return WorkInputs(
            config=config,
            model=LoadedModel(plan, keys),
            keys=ArtifactKeys(keys, exporters_of(config)),
            stop=self._stop,
            finished=finished_files_of(config, self._store),
            texts=TextNotes(family, self._settings.texts),
            plan=self._plan(config, family),
        )

    def _plan(self, config: Config, family: Family) -> StartingPlan | None:
        """Returns the driver's plan, or for another device than its own a plan of this worker's."""
        if self._settings.plan is not None:
            return self._settings.plan.bound(config, family)
        if config.run.plan == "off" or not self._settings.samples:
            return None
        from vgpipe.plans.planning import plan_run
        from vgpipe.plans.profiles import PlanError

        try:
            return plan_run(config, family, self._settings.samples)
        except PlanError as error:
            log.warning("no plan: %s", error)
            return None

    def _maker(self, inputs: WorkInputs) -> ClipMaker:
        settings = MakerSettings(
            run_root=Path(self._settings.run_root),
            send=self._send,
            texts=self._turns,
            denoise_threads=self._settings.denoise_threads,
        )
        return ClipMaker(inputs, settings)

    def _ready(self, inputs: WorkInputs, maker: ClipMaker) -> Ready:
        free_bytes = free_memory_bytes(maker.device)
        return Ready(
            device=device_of(maker.device).name,
            host=socket.gethostname(),
            pid=os.getpid(),
            memory_gb=None if free_bytes is None else to_gib(free_bytes, 1),
            versions=versions_here(),
            foreseen=foreseen_of(inputs.plan, inputs.config, self._settings.samples),
            family_digest=family_digest(inputs.keys.model.family),
            conditions=_conditions(inputs, maker),
        )

    def _next(self, maker: ClipMaker) -> ToWorker:
        while maker.is_exporting:
            try:
                return self._inbox.get(timeout=COLLECTED_EVERY_S)
            except queue.Empty:
                maker.collect()
        return self._inbox.get()

    def _handle(self, message: ToWorker, maker: ClipMaker) -> None:
        if isinstance(message, HandOut):
            self._make(message, maker)
        elif isinstance(message, Tune):
            self._tune(message, maker)
        elif isinstance(message, UseThreads):
            maker.engine.denoise_with(message.count)
        elif isinstance(message, StopNow):
            self._tell_ended(0, maker)
        elif isinstance(message, End):
            self._has_ended = True

    def _make(self, hand_out: HandOut, maker: ClipMaker) -> None:
        try:
            maker.make(hand_out.items)
        except Stopped as stopped:
            log.info("%s", stopped)
        self._tell_ended(hand_out.number, maker)

    def _tune(self, message: Tune, maker: ClipMaker) -> None:
        self._send(Began(TUNING))
        seconds = maker.try_threads(message.items)
        self._send(Began(""))
        self._send(Tuned(seconds))

    def _tell_ended(self, number: int, maker: ClipMaker) -> None:
        reason = self._stop.reason
        why = Why.IDLE if not reason else Why.DISK if self._why is Why.IDLE else self._why
        self._send(Began(""))
        self._send(HandOutEnded(number, why, reason, maker.engine.wave_load_s))


def _conditions(inputs: WorkInputs, maker: ClipMaker) -> Mapping[str, Any]:
    return conditions_of(inputs.config, maker.device, first_strategies(inputs.config, inputs.plan))
