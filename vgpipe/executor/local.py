"""The local executor: one process, stage by stage over waves of clips."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from vgpipe.clips.artifact_keys import Names
from vgpipe.clips.clip_state import ClipWork, State, disk_is_full, model_cause, reason
from vgpipe.clips.finished_files import Delivered
from vgpipe.clips.from_config import exporters_of
from vgpipe.config.schema import Config
from vgpipe.errors import ModelError, PrecisionError, Stopped, StoreError
from vgpipe.executor.canary import Canary
from vgpipe.executor.component_loader import Loader
from vgpipe.executor.delivery import Delivery
from vgpipe.executor.downloads import download_progress, fetch_weights
from vgpipe.executor.export_queue import ExportQueue, Result
from vgpipe.executor.progress import Progress, left_to_do
from vgpipe.executor.run_records import Records
from vgpipe.executor.stage_loop import StageRuns
from vgpipe.executor.stop_signal import StopSignal
from vgpipe.executor.thread_tuning import Rehearsal, threads
from vgpipe.executor.waves import rows, wave_size, waves
from vgpipe.fallback.context import Ground
from vgpipe.fallback.history import MadeOtherwise, notes_of
from vgpipe.fallback.loading_ladder import Rung, pinned
from vgpipe.fallback.memory_ladder import MemoryLadder
from vgpipe.hardware import device_of, pick_device, placement
from vgpipe.job.clip import Clip
from vgpipe.memory.host_allocator import give_back_large_tensors
from vgpipe.memory.residency import Residency
from vgpipe.models.base import Family
from vgpipe.plans.run_plan import RunPlan, first_strategies, predicted_peak_gb, streams
from vgpipe.provenance.recipe import Recipes
from vgpipe.stages import overflows
from vgpipe.store.rundir import RunDir
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT, STAGES

log = logging.getLogger(__name__)

MAX_PASSES = 10
OFFLOAD = "offload"


class LocalRun:
    """One run of a job in this process, with a model loaded in one way.

    Args:
        config: the whole config; opened here and nowhere below.
        rung: how the model is loaded; names artifacts, knows the family.
        run_dir: locked; gets the records and the files.
        stop: says when to stop early.
        previous: clip id -> its record of an earlier go at this run.
        records: where clips and events are written.
        delivered: the store, and what turns clips into files.
        plan: what the run takes; None where that could not be told.
    """

    def __init__(
        self,
        config: Config,
        rung: Rung,
        run_dir: RunDir,
        stop: StopSignal,
        previous: Mapping[str, Mapping[str, Any]],
        records: Records,
        delivered: Delivered,
        plan: RunPlan | None = None,
    ):
        self.config = config
        self.plan = plan
        self.run_dir = run_dir
        self.stop = stop
        self.store = delivered.store
        self.model = rung.model
        self.names = Names(rung.model, exporters_of(config))
        self.delivered = delivered
        recipes = Recipes(pinned(rung), config.memory, rung.model.family, self.store) if config.run.metadata else None
        self.delivery = Delivery(delivered, run_dir, self.names, previous, recipes)
        self.records = records
        self._denoise_threads: int | None = None
        self.works: Sequence[ClipWork] = ()
        self._wanted: dict[str, Clip] = {}
        self._notes = notes_of(self.store)
        self._otherwise = MadeOtherwise(self._notes, rung.model.family, self.names, config)

    def _rename_segments(self, work: ClipWork) -> None:
        for before, after in self.names.rename(work):
            self.delivery.renamed(before, after)

    def _divide(self, work: ClipWork) -> None:
        before = [part.keys for part in work.segments]
        self.names.divide(work)
        self.delivery.cut_anew(before, [part.keys for part in work.segments])

    def run(self, works: Sequence[ClipWork]) -> None:
        """Makes every pending clip that is not in the store yet; their states end up in clips.jsonl.

        Args:
            works: all clips of the run, in job order; changed in place.

        Raises:
            StoreError: where run directory or store cannot be written; nothing was started.
        """
        self.works = works
        self._wanted = {work.id: work.clip for work in works}
        self._clean_up()
        for work in works:
            if work.state is State.PENDING:
                self.delivery.take_from_store(work)
            if work.state is State.PENDING and self._otherwise.take(work, self.delivered):
                self.delivery.take_from_store(work)
        self.records.begin(works)
        pending = [work for work in works if work.state is State.PENDING]
        if pending:
            with threads(self.config.hardware.threads):
                self._render(pending)

    def _render(self, pending: list[ClipWork]) -> None:
        hardware = self.config.hardware
        device = pick_device(hardware.device)
        limits = {"memory_gb": hardware.memory_gb, "memory_limit_gb": hardware.memory_limit_gb}
        log.info("%s", placement(device_of(device), name=hardware.name, **limits))
        if device == "cpu" and hardware.memory_limit_gb is not None:  # it costs page faults, so only where RAM counts
            give_back_large_tensors()
        if not self._fetched(pending):
            return
        self.memory = self._memory(device)
        for work in pending:
            work.predicted_peak_gb = predicted_peak_gb(self.plan, work)
            self.memory.begin(work)
            if any(
                part.families for part in work.segments
            ):  # made in this way before, by a run that was asked otherwise
                self.delivery.take_from_store(work)
            if work.state is State.DONE:
                self.records.settle(work, State.DONE)
        pending = [work for work in pending if work.state is State.PENDING]
        told = ", ".join(f"{stage} {strategy.value}" for stage, strategy in self.memory.strategies.items())
        log.info("memory on %s: %s", device, told)
        loader = Loader(
            device=device,
            stream=streams(self.config, self.plan, device),
            offload_dir=self.store.root / OFFLOAD,
        )
        residency = Residency(loader.load, device, self.memory.strategies)
        canary = Canary(self.config.executor, self.names.keys_of, self.memory.begin, self._drained_wave, self.records)
        stand_ins = canary.stand_ins(self.works, pending, self.delivered)
        done = sum(work.state is State.DONE for work in self.works)
        self.progress = Progress(left_to_do(self.store, [*stand_ins, *pending]), clips=len(self.works), done=done)
        self.delivery.expect([*stand_ins, *pending])
        self.exports = ExportQueue(self.delivery.export, self._take_up)
        self.stages = self._stage_runs(residency, device)
        try:
            canary.try_out(stand_ins, pending)
            self._tune_threads(pending, residency, device)
            for _ in range(MAX_PASSES):  # a second one where frames were taken away, or a clip was made smaller
                self._pass(pending, residency)
            self._give_up(pending)
        except Stopped as stopped:
            log.info("%s", stopped)
        finally:
            self.exports.stop()
            residency.free()
            self.progress.close()

    def _fetched(self, pending: list[ClipWork]) -> bool:
        """Brings what is not on the disk yet; says whether the run can go on."""
        try:
            self.model.family.prove_classes()
            with download_progress() as progress:
                fetch_weights(self.model.family, progress, self.stop)
        except Stopped as stopped:
            log.info("%s", stopped)
            return False
        except ModelError as error:
            log.error("%s", error)
            for work in pending:
                work.cause = model_cause(error)
                self.records.settle(work, State.FAILED, str(error))
            return False
        return True

    def _drained_wave(self, wave: list[ClipWork]) -> None:
        self._wave(wave)
        self.exports.drain()

    def _pass(self, pending: list[ClipWork], residency: Residency[Family]) -> None:
        left = [work for work in pending if work.state is State.PENDING]
        for wave in waves(left, lambda: self._wave_size(residency)):
            self._wave(wave)
        self.exports.drain()

    def _give_up(self, pending: list[ClipWork]) -> None:
        for work in pending:
            if work.state is State.PENDING:
                shrunk = next((one for one in work.degradations if one.kind == "size"), None)
                vanished = "decode: its frames vanished from the store each time they were made"
                self.records.settle(work, State.FAILED, shrunk.reason if shrunk else vanished)

    def _wave(self, wave: list[ClipWork]) -> None:
        """Takes clips through all stages; of long ones the first segment of each, then the second of each, ..."""
        self.records.event("wave_started", clips=[work.clip.id for work in wave])
        self.stages.encode([part for work in wave for part in work.segments])
        self.exports.collect()
        for row in rows(wave):
            with threads(self._denoise_threads):
                self.stages.denoise(row)
            self.exports.collect()
            self.stages.decode(row, self._queue_export)

    def _tune_threads(self, pending: list[ClipWork], residency: Residency[Family], device: str) -> None:
        if device != "cpu" or self.config.hardware.threads:
            return
        rehearsal = Rehearsal(self.names, residency, self.store, self.config.executor.canary_steps)
        self._denoise_threads = rehearsal.fastest_threads(pending)
        if self._denoise_threads is not None:
            self.records.event("denoise_threads", count=self._denoise_threads)

    def _queue_export(self, work: ClipWork) -> None:
        self.exports.add(work)
        self.exports.collect()

    def _take_up(self, work: ClipWork, result: Result) -> None:
        try:
            artifacts = result()
            if artifacts is None:
                log.warning("%s: its frames vanished from the store; they are made again", work.clip.id)
                return
            self.delivery.place(work, artifacts)
        except Exception as error:  # one bad clip never stops the others
            self._fail(work, EXPORT, error)
            return
        work.seconds[EXPORT] = round(sum(float(artifact.info["seconds"]) for artifact in artifacts), 4)
        self.records.event("stage_done", stage=EXPORT, clip=work.clip.id, seconds=work.seconds[EXPORT])
        if not work.is_canary:
            self._otherwise.remember(work, self._wanted[work.id])
        self.records.settle(work, State.DONE)
        self.delivery.let_go(work)
        self.progress.advance(EXPORT, work.seconds[EXPORT], work.clip.id)
        if not work.is_canary:
            self.progress.clip_done()

    def _fail(self, work: ClipWork, stage: str, error: Exception) -> None:
        told = reason(stage, error)
        part, work = work, work.owner
        if part.segment is not None:
            told = f"segment {part.segment.index + 1} of {len(work.parts)}: {told}"
        if disk_is_full(error):
            # Every later clip would do its work and then lose it: better to stop while all of it can be resumed.
            work.state, work.error = State.STOPPED, told
            self.stop.request(told)
            return
        work.cause = model_cause(error)
        if isinstance(error, PrecisionError):
            self._remember_overflow(part, told)
        log.error("%s failed in %s", work.clip.id, told)
        log.debug("traceback of %s", work.clip.id, exc_info=error)
        self.records.settle(work, State.FAILED, told)
        left = len(work.segments) - (part.segment.index if part.segment else 0)
        for dropped in STAGES[max(1, STAGES.index(stage)) :]:
            for _ in range(1 if dropped == EXPORT else left):
                self.progress.drop(dropped)

    def _remember_overflow(self, work: ClipWork, told: str) -> None:
        try:
            overflows.remember(self.store, work.keys, told)
        except StoreError as error:
            log.debug("%s", error)

    def _stage_runs(self, residency: Residency[Family], device: str) -> StageRuns:
        return StageRuns(
            store=self.store,
            model=self.model,
            residency=residency,
            memory=self.memory,
            progress=self.progress,
            should_stop=self.stop,
            fail=self._fail,
            event=self.records.event,
            device=device,
            memory_limit_gb=self.config.hardware.memory_limit_gb,
            checkpoint_steps=self.config.executor.checkpoint_steps,
            checkpoint_interval_s=self.config.executor.checkpoint_interval_s,
        )

    def _wave_size(self, residency: Residency[Family]) -> int:
        settings = self.config.executor
        if settings.wave_size:
            return settings.wave_size
        means = [self.progress.eta.mean_s(stage) for stage in (ENCODE, DENOISE, DECODE)]
        known = [mean for mean in means if mean is not None]
        return wave_size(residency.wave_load_s, sum(known) if known else None, settings.load_share)

    def _memory(self, device: str) -> MemoryLadder:
        hardware = self.config.hardware
        kind = device.partition(":")[0]
        told = {"device": device_of(device).name, "kind": kind, "memory_limit_gb": hardware.memory_limit_gb}
        ground = Ground(
            config=self.config,
            family=self.model.family,
            keys_of=self.names.keys_of,
            renamed=self.delivery.renamed,
            rename_segments=self._rename_segments,
            divide=self._divide,
            forecast_of=self.plan.forecast_of if self.plan else lambda _clip: None,
            strategies=first_strategies(self.config, self.plan),
            notes=self._notes,
            device=told,
            event=self.records.event,
        )
        return MemoryLadder(ground)

    def _clean_up(self) -> None:
        self.run_dir.sweep_leftovers()
        removed = self.store.sweep_leftovers()
        if removed:
            log.info("removed %d half-made artifacts of processes that ended", removed)
