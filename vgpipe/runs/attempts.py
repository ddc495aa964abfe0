"""Makes a run's clips, trying those that fail for want of a working model again, one step down the loading ladder."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vgpipe.clips.artifact_keys import Names
from vgpipe.clips.clip_state import ClipWork, State
from vgpipe.clips.finished_files import delivered_of
from vgpipe.clips.from_config import exporters_of
from vgpipe.config.schema import Config
from vgpipe.errors import ModelError
from vgpipe.executor.local import LocalRun
from vgpipe.executor.run_records import Records
from vgpipe.executor.stop_signal import StopSignal
from vgpipe.fallback.history import MadeOtherwise, notes_of
from vgpipe.fallback.loading_ladder import ModelLadder, Rung, pinned_model
from vgpipe.fallback.loading_steps import Step
from vgpipe.fallback.other_model import stand_in
from vgpipe.job.clip import Clip
from vgpipe.plans.plan_file import write_measured, write_plan
from vgpipe.plans.run_plan import PlanError, RunPlan, plan_run, refuse_what_cannot_fit
from vgpipe.stages import overflows
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)

PLACEHOLDER = "placeholder"


class Attempts:
    """The attempts at a run's clips.

    Args:
        config: the whole config.

    Raises:
        ModelError: on construction, where no model that `run.degrade` allows can be opened.
    """

    def __init__(self, config: Config):
        self._config = config
        self._ladder = ModelLadder(config)
        self._first = self._ladder.first()
        self._plan: RunPlan | None = None
        self._keys: dict[Clip, ClipKeys] = {}
        self._delivered = delivered_of(config)

    def plan(self, clips: Sequence[Clip]) -> RunPlan | None:
        """Plans what the clips that are not in the store yet take; None where there are none, or no plan can be made.

        Raises:
            ConfigError: where one of them cannot fit, with the nearest that does.
            StoreError: where the store cannot be written.
        """
        delivered, config = self._delivered, self._config
        names = Names(self._first.model, exporters_of(config))
        otherwise = MadeOtherwise(notes_of(delivered.store), names.model.family, names, config)
        made = [_made_by(clip, self._first.step) for clip in clips]
        self._keys = {clip: names.keys_of(clip) for clip in made}
        works = [names.divide(ClipWork(clip, self._keys[clip])) for clip in made]
        left = [work for work in works if not delivered.has(work.keys) and not otherwise.take(work, delivered)]
        if left:
            delivered.store.require_writable()
        self._plan = self._planned(self._first, [work.clip for work in left])
        # With `any` a smaller clip, or another model, may take the place of what cannot fit.
        if self._plan is not None and config.run.plan == "enforce" and config.run.degrade != "any":
            refuse_what_cannot_fit(self._plan, config)
        return self._plan

    def _planned(self, rung: Rung, clips: Sequence[Clip]) -> RunPlan | None:
        if not clips or self._config.run.plan == "off":
            return None
        config = replace(self._config, model=rung.step.config)
        try:
            return plan_run(config, rung.model.family, clips)
        except PlanError as error:
            log.warning("there is no plan: %s", error)
        except ModelError as error:
            if self._config.run.degrade != "any":  # another model may stand in
                raise
            log.debug("there is no plan: %s", error)
        return None

    def pinned(self) -> Config:
        """Returns the config with commits of the hub in place of branches, so that resuming takes the same files."""
        if self._first.step.is_other_model:
            return self._config
        return replace(self._config, model=pinned_model(self._config.model, self._first.model.family.checkpoint))

    def make(
        self,
        clips: Sequence[Clip],
        run_dir: RunDir,
        stop: StopSignal,
        previous: Mapping[str, Mapping[str, Any]],
    ) -> list[ClipWork]:
        """Makes the clips.

        Args:
            clips: in job order.
            run_dir: locked; gets the records and the files.
            stop: says when to stop early.
            previous: clip id -> its record of an earlier go at this run.

        Returns:
            The clips with their states, in job order.

        Raises:
            StoreError: where run directory or store cannot be written; nothing was started.
        """
        records = Records(run_dir, stop)
        if self._plan is not None:
            write_plan(run_dir, self._plan)

        def attempt(rung: Rung) -> LocalRun:
            _tell(rung.step)
            plan = self._plan if rung is self._first else self._planned(rung, _as_made(works, rung))
            return LocalRun(self._config, rung, run_dir, stop, previous, records, self._delivered, plan)

        works: list[ClipWork] = []
        run = attempt(self._first)
        works = self._made_otherwise([_work(clip, self._first.step, run, self._keys) for clip in clips], run)
        run.run(works)
        # Also once the run is to stop: what the next attempt has in the store is taken, the rest stays pending.
        while (cause := _cause(works)) is not None and (rung := self._ladder.after(cause)) is not None:
            run = attempt(rung)
            works = [_work(work.asked or work.clip, rung.step, run) if _is_left(work) else work for work in works]
            run.run(works)
        records.end(works)
        write_measured(run_dir, self._plan, works)
        return works

    def _made_otherwise(self, works: list[ClipWork], run: LocalRun) -> list[ClipWork]:
        """Takes clips that overflowed before from where they were then finished, rather than overflow once more."""
        store = self._delivered.store
        wanting = [work for work in works if not self._delivered.has(work.keys)]
        overflowed = {
            work.id for work in wanting if any(overflows.is_known(store, part.keys) for part in work.segments)
        }
        if not overflowed:
            return works
        taken = {work.id: work for work in works}
        for rung in self._ladder.more_precise():
            for work in [taken[name] for name in overflowed]:
                names = replace(run.names, model=rung.model)
                again = ClipWork(work.clip, names.keys_of(work.clip), degradations=rung.step.degradations)
                if self._delivered.has(again.keys):
                    taken[work.id] = names.divide(again)
                    overflowed.discard(work.id)
        return list(taken.values())


def _as_made(works: Sequence[ClipWork], rung: Rung) -> list[Clip]:
    """Returns the clips that are left, as another way to load the model makes them."""
    return [_made_by(work.asked or work.clip, rung.step) for work in works if _is_left(work)]


def _tell(step: Step) -> None:
    for degradation in step.degradations:
        log.warning("degraded: %s", degradation)


def _is_left(work: ClipWork) -> bool:
    return work.state is State.FAILED and work.cause is not None


def _cause(works: Sequence[ClipWork]) -> Exception | None:
    return next((work.cause for work in works if _is_left(work)), None)


def _work(asked: Clip, step: Step, run: LocalRun, known: Mapping[Clip, ClipKeys] | None = None) -> ClipWork:
    clip = _made_by(asked, step)
    keys = (known or {}).get(clip) or run.names.keys_of(clip)
    work = ClipWork(clip, keys, degradations=step.degradations, asked=None if clip is asked else asked)
    return run.names.divide(work)


def _made_by(asked: Clip, step: Step) -> Clip:
    if not step.is_other_model:
        return asked
    return stand_in(asked, step.config, PLACEHOLDER if step.is_placeholder else step.config.name)
