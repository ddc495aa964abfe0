"""The canary wave: what cannot work for a shape shows before hours are spent on its clips."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from vgpipe.clips.clip_state import ClipWork, State
from vgpipe.clips.finished_files import Delivered
from vgpipe.config.schema import ExecutorConfig
from vgpipe.executor.run_records import Records
from vgpipe.executor.waves import canaries
from vgpipe.job.clip import Clip
from vgpipe.stages.keys import ClipKeys

log = logging.getLogger(__name__)

MAX_WAVES = 10  # of one canary: another one each time that memory had it made smaller


class Canary:
    """Sends one cheap clip of each shape through all stages, and condemns the shapes whose canaries die.

    Args:
        settings: whether, and with how many steps.
        keys_of: names a clip's artifacts.
        begin: gives a clip the memory rungs that its shape needs.
        run_wave: takes clips through all stages, their exports included.
        records: where condemned clips are written.
    """

    def __init__(
        self,
        settings: ExecutorConfig,
        keys_of: Callable[[Clip], ClipKeys],
        begin: Callable[[ClipWork], None],
        run_wave: Callable[[list[ClipWork]], None],
        records: Records,
    ):
        self._settings, self._keys_of, self._begin = settings, keys_of, begin
        self._run_wave, self._records = run_wave, records

    def stand_ins(self, works: Sequence[ClipWork], pending: Sequence[ClipWork], delivered: Delivered) -> list[ClipWork]:
        """Returns a canary for each shape that no finished clip and no earlier canary has proved."""
        if not self._settings.canary:
            return []
        proved = {part.shape for work in works if work.state is State.DONE for part in work.segments}
        found = self._of([part for part in _that_begin_anew(pending) if part.shape not in proved])
        return [work for work in found if not delivered.has(work.keys)]

    def try_out(self, stand_ins: list[ClipWork], pending: Sequence[ClipWork]) -> None:
        """Runs the canaries; fails the pending clips of a shape of which two have died."""
        self._try(stand_ins)
        failed = {work.shape for work in stand_ins if work.state is State.FAILED}
        # A second one from the other end of the job: one bad clip must not condemn its whole shape.
        again = self._of([part for part in _that_begin_anew(pending[::-1]) if part.shape in failed])
        self._try(again)
        condemned = {work.shape: work for work in again if work.state is State.FAILED}
        for work in pending:
            dead = next((condemned[part.shape] for part in work.segments if part.shape in condemned), None)
            if dead is not None and work.state is State.PENDING:
                work.cause = dead.cause
                self._records.settle(work, State.FAILED, f"not started, two canaries failed: {dead.error}")

    def _of(self, works: Sequence[ClipWork]) -> list[ClipWork]:
        found = canaries(works, self._settings.canary_steps, self._keys_of)
        for work in found:
            self._begin(work)
        return found

    def _try(self, stand_ins: list[ClipWork]) -> None:
        if stand_ins:
            log.info("canary: %s", ", ".join(work.clip.id for work in stand_ins))
        for _ in range(MAX_WAVES):
            if left := [work for work in stand_ins if work.state is State.PENDING]:
                self._run_wave(left)


def _that_begin_anew(works: Sequence[ClipWork]) -> list[ClipWork]:
    """Returns the clips and segments that a canary can stand for: those that need nothing of a segment before."""
    return [part for work in works for part in work.segments if part.before is None]
