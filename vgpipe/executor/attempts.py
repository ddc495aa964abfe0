"""Makes a run's clips, trying those that fail for want of a working model again, one step down the loading ladder."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vgpipe.config.schema import Config
from vgpipe.executor.interrupts import StopSignal
from vgpipe.executor.local import LocalRun
from vgpipe.executor.model_ladder import ModelLadder, Step
from vgpipe.executor.stand_ins import stand_in
from vgpipe.executor.work import ClipWork, State
from vgpipe.job.clip import Clip
from vgpipe.stages.keys import KeyMaker
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

    def pinned(self) -> Config:
        """Returns the config with the commit of a hub model in place of its branch, so that resuming takes the same."""
        step, model = self._first
        repo = model.family.checkpoint.repo
        if repo is None or step.is_other_model:
            return self._config
        return replace(self._config, model=replace(self._config.model, revision=repo.commit))

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

        def run_with(model: KeyMaker) -> LocalRun:
            return LocalRun(self._config, model, run_dir, stop, previous)

        step, model = self._first
        _tell(step)
        run = run_with(model)
        works = [_work(clip, step, run) for clip in clips]
        run.run(works)
        while (cause := _cause(works)) is not None and not stop():
            below = self._ladder.after(cause)
            if below is None:
                break
            step, model = below
            _tell(step)
            run = run_with(model)
            works = [_work(work.asked or work.clip, step, run) if _is_left(work) else work for work in works]
            log.info("%d clips are tried again", sum(work.state is State.PENDING for work in works))
            run.run(works)
        return works


def _tell(step: Step) -> None:
    for degradation in step.degradations:
        log.warning("degraded: %s", degradation)


def _is_left(work: ClipWork) -> bool:
    return work.state is State.FAILED and work.cause is not None


def _cause(works: Sequence[ClipWork]) -> Exception | None:
    return next((work.cause for work in works if _is_left(work)), None)


def _work(asked: Clip, step: Step, run: LocalRun) -> ClipWork:
    if not step.is_other_model:
        return ClipWork(asked, run.keys_of(asked), degradations=step.degradations)
    clip = stand_in(asked, step.config, PLACEHOLDER if step.is_placeholder else step.config.name)
    return ClipWork(clip, run.keys_of(clip), degradations=step.degradations, asked=asked)
