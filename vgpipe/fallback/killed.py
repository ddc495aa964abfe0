"""What follows where an earlier run was killed in a stage: it is said, and where memory was the reason, a step down.

A killed process can say nothing itself. So each piece of work leaves a mark on the disk, with how many processes the
system had killed for want of memory until then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.errors import OutOfMemory
from vgpipe.fallback.memory_ladder import MemoryLadder
from vgpipe.hardware import host
from vgpipe.memory.ladder import MemoryRung
from vgpipe.store.digest import digest_of
from vgpipe.store.work_marks import LeftMark, WorkMark, left_marks
from vgpipe.units import counted
from vgpipe.vocabulary import MODEL_STAGES

log = logging.getLogger(__name__)

ENOUGH_KILLS = 2
"""In a row in the same place that count as a lack of memory where the system does not say what killed a process."""
REASON = "the system ran out of memory and killed an earlier run here"
UNSURE_REASON = f"{counted(ENOUGH_KILLS, 'earlier run')} ended here, one after the other"


class Verdict(Enum):
    """Why a process was killed."""

    MEMORY = "the system has run out of memory since"
    OTHER = "not for want of memory"
    UNKNOWN = "nothing tells why"


class KilledWork:
    """Notes what this process is at work on, and handles what killed ones left; as a context manager removes its note.

    Args:
        ladder: the memory ladder of the device.
        store: the root of the store.
        run: the run directory.
    """

    def __init__(self, ladder: MemoryLadder, store: Path, run: Path):
        self._ladder, self._store, self._run = ladder, store, str(run.absolute())
        self._mark = WorkMark(store)
        self._kills: Counter[str] = Counter()

    def __enter__(self) -> KilledWork:
        return self

    def __exit__(self, *error: object) -> None:
        self._mark.__exit__(*error)

    @contextmanager
    def at_work(self, segment: SegmentState, stage: str) -> Iterator[None]:
        """Notes on the disk that a piece of work is done in the block."""
        place, rung = self._ladder.settings_of(segment, stage)
        self._mark.begin(
            {
                "run": self._run,
                "clip": segment.clip.id,
                "stage": stage,
                "place": digest_of(place),
                "memory": asdict(rung),
                "killed_before": self._kills[digest_of(place)],
                "boot": host.boot_id(),
                "memory_kills": host.memory_kills(),
            }
        )
        try:
            yield
        finally:
            self._mark.end()
        self._kills.pop(digest_of(place), None)

    def take_up(self, pending: Sequence[ClipState]) -> Iterator[tuple[ClipState, OutOfMemory]]:
        """Takes a step down for the stages in which memory had earlier runs killed, and logs it.

        Args:
            pending: the clips to make; changed in place.

        Yields:
            Those for which there is no further step, with the error.
        """
        for left in left_marks(self._store):
            stage = str(left.facts.get("stage"))
            segments = self._segments(left, stage, pending) if stage in MODEL_STAGES else []
            if segments:
                yield from self._handle(left.facts, stage, segments)
            if segments or left.facts.get("run") == self._run:
                left.remove()

    def _segments(self, left: LeftMark, stage: str, pending: Sequence[ClipState]) -> list[SegmentState]:
        segments = [segment for state in pending if state.is_pending for segment in state.segments]
        wanted = left.facts.get("place")
        return [one for one in segments if digest_of(self._ladder.settings_of(one, stage)[0]) == wanted]

    def _handle(
        self, facts: Mapping[str, Any], stage: str, segments: Sequence[SegmentState]
    ) -> Iterator[tuple[ClipState, OutOfMemory]]:
        verdict, place = _verdict(facts), str(facts["place"])
        kills = 1 + (before if isinstance(before := facts.get("killed_before"), int) else 0)
        self._kills[place] = kills
        is_sure = verdict is Verdict.MEMORY
        what = f"an earlier process was killed in {stage} of {facts.get('clip')}"
        if not is_sure and (verdict is Verdict.OTHER or kills < ENOUGH_KILLS):
            log.warning("%s (%s): continuing as before", what, verdict.value)
            return
        log.warning("%s (%s): %s takes one step down", what, verdict.value, stage)
        reason = f"{stage}: {REASON if is_sure else UNSURE_REASON}"
        if self._ladder.step_down_after_kill(segments[0], stage, _rung(facts), reason, is_sure=is_sure) or not is_sure:
            return
        message = (
            f"{reason}, and no step down is left that run.degrade allows -> close other programs, raise the limit on "
            "memory, or make it smaller (clip.width, clip.height, clip.num_frames)"
        )
        for state in {segment.parent.id: segment.parent for segment in segments}.values():
            yield state, OutOfMemory(message)


def _verdict(facts: Mapping[str, Any]) -> Verdict:
    now, then = host.memory_kills(), facts.get("memory_kills")
    if now is None or not isinstance(then, int) or facts.get("boot") != host.boot_id():
        return Verdict.UNKNOWN
    return Verdict.MEMORY if now > then else Verdict.OTHER


def _rung(facts: Mapping[str, Any]) -> MemoryRung | None:
    try:
        return TypeAdapter(MemoryRung).validate_python(facts.get("memory"))
    except ValidationError:
        return None
