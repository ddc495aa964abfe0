"""Disturbs one job at each of its file operations, has it finished, and compares with the job left alone."""

from __future__ import annotations

import errno
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.failpoints.power_cut import Loss, PowerCut, copy
from tests.failpoints.shim import Mode, Operation, Shim, journal
from tests.failpoints.warm import Ended, WarmParent
from vgpipe.errors import VgpipeError

KILLED, REFUSED = -9, 2


LOSSES = (Loss.NOTHING, Loss.EMPTY, Loss.NOTHING, Loss.ZEROS, Loss.NOTHING, Loss.MIXED)


class Fault(Enum):
    """What is done at an operation."""

    EIO = Mode.FAIL
    FULL = Mode.FULL
    TEAR = Mode.TEAR


MATTERS = {Fault.FULL: ("create", "write", "mkdir", "link", "symlink"), Fault.TEAR: ("write",)}
"""The operations at which a fault differs from another one: those that take space, those that can be half done."""


@dataclass(frozen=True)
class Job:
    """What is disturbed.

    Attributes:
        start: the job from the beginning; returns its exit code.
        finish: name -> what finishes it. They take turns; where one refuses with exit code 2, the next is tried.
        result: returns what it made, by name; raises where that is not complete.
        leftovers: returns the temporary files that it left.
        may_end: the exit codes that a disturbed one may have, given the folder that it left.
        broken_promises: returns what a folder's records say is done but is not there.
    """

    start: Callable[[], int]
    finish: Mapping[str, Callable[[], int]]
    result: Callable[[Path], dict[str, str]]
    leftovers: Callable[[Path], list[str]]
    may_end: Callable[[Path], tuple[int, ...]]
    broken_promises: Callable[[Path], list[str]]


@dataclass
class Tally:
    """What came of one kind of fault.

    Attributes:
        runs: how many disturbed jobs were finished.
        codes: exit code of a disturbed one -> how often.
        finished_by: name of what finished it -> how often.
        wrong: what went wrong.
    """

    runs: int = 0
    codes: Counter[int | None] = field(default_factory=Counter)
    finished_by: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Attack:
    """Disturbs one job.

    Args:
        parent: runs it in a folder.
        shim: disturbs it.
        scratch: a folder for copies; `start` in it is what the job starts from.
        job: the job.
    """

    def __init__(self, parent: WarmParent, shim: Shim, scratch: Path, job: Job):
        self._parent, self._shim, self._scratch, self._job = parent, shim, scratch, job
        self._root, self._copies, self._left = parent.root, scratch / "copies", scratch / "left"
        self._whole: dict[str, str] = {}

    def operations(self) -> list[Operation]:
        """Runs the job undisturbed; returns its operations.

        Raises:
            RuntimeError: where it fails.
        """
        ended = self._disturbed(Mode.COUNT)
        if ended.code != 0:
            raise RuntimeError(f"the job fails undisturbed: {ended.err}")
        self._whole = self._job.result(self._root)
        return journal(self._copies)

    def disturb(self, operations: Sequence[Operation], fault: Fault) -> Iterator[Tally]:
        """Has each operation fail in one way; yields the tally after each."""
        tally = Tally()
        for operation in operations:
            if operation.kind not in MATTERS.get(fault, (operation.kind,)):
                continue
            ended = self._disturbed(fault.value, operation.number)
            what = f"{fault.name} at {self._hit(operation)}"
            tally.codes[ended.code] += 1
            expected = (KILLED, 0) if fault is Fault.TEAR else (0, *self._job.may_end(self._root))
            if ended.code not in expected or ended.has_traceback:
                self._note(tally, what, f"ended with {ended.code}", ended)
            self._finish(tally, what)
            yield tally

    def cut_power(self, operations: Sequence[Operation]) -> Iterator[Tally]:
        """Kills the job before each operation, and takes away what was not flushed; yields the tally after each.

        Each is finished from what the process left or from a state between, in turn; and from what had been flushed,
        where the operation before was a flush (else that is as before).
        """
        tally = Tally()
        for operation in operations:
            tally.codes[self._disturbed(Mode.DIE, operation.number).code] += 1
            hit, before = self._hit(operation), journal(self._copies)[-2:][0].kind
            losses = [LOSSES[operation.number % len(LOSSES)]]
            losses += [Loss.ALL] if before.startswith("fsync") else []
            self._set_aside()
            for loss in losses:
                self._cut(loss, operation.number)
                self._finish(tally, f"cut ({loss.name}) at {hit}")
            yield tally
        ended = self._disturbed(Mode.COUNT)
        self._set_aside()
        for loss in Loss:
            self._cut(loss)
            tally.runs += 1
            if problem := self._problem(ended, temporary_allowed=True):
                self._note(tally, f"cut ({loss.name}) after the end", problem, ended)
        yield tally

    def _set_aside(self) -> None:
        shutil.rmtree(self._left, ignore_errors=True)
        self._root.rename(self._left)  # keeps the inodes, by which the copies are named

    def _cut(self, loss: Loss, seed: int = 0) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        PowerCut(self._shim, self._left, self._copies, loss, seed).build(self._root)

    def _disturbed(self, mode: Mode, at: int = 0) -> Ended:
        copy(self._scratch / "start", self._root)
        shutil.rmtree(self._copies, ignore_errors=True)
        self._copies.mkdir()

        def work() -> int:
            self._shim.begin(self._root, self._copies, mode, at, errno.EIO)
            return self._job.start()

        return self._parent.run(work)

    def _hit(self, operation: Operation) -> str:
        """Names the operation of this run: the order differs from run to run where threads write."""
        found = next((one for one in journal(self._copies) if one.number == operation.number), operation)
        return f"{found.number} {found.kind} {found.path}"

    def _finish(self, tally: Tally, what: str) -> None:
        tally.runs += 1
        broken = self._job.broken_promises(self._root)
        attempts = deque(self._job.finish.items())
        attempts.rotate(tally.runs)
        for name, attempt in attempts:
            by, ended = name, self._parent.run(attempt)
            if ended.code != REFUSED:
                break
        tally.finished_by[by] += 1
        problem = ", ".join([*broken[:3], self._problem(ended)]).strip(", ")
        if problem:
            self._note(tally, what, problem, ended)

    def _problem(self, ended: Ended, *, temporary_allowed: bool = False) -> str:
        """Returns what is wrong with a job that was finished; "" for nothing."""
        if ended.code != 0 or ended.has_traceback:
            return f"finished with {ended.code}"
        try:
            found = self._job.result(self._root)
        except (OSError, ValueError, KeyError, VgpipeError) as error:
            return f"no result: {error!r}"
        different = sorted(name for name in {*found, *self._whole} if found.get(name) != self._whole.get(name))
        left = [] if temporary_allowed else self._job.leftovers(self._root)
        return ", ".join([*(f"differs: {name}" for name in different[:3]), *(f"left: {name}" for name in left[:3])])

    def _note(self, tally: Tally, what: str, problem: str, ended: Ended) -> None:
        """Notes what went wrong, and keeps the folder."""
        tally.wrong.append(f"{what}: {problem}: {ended.err[-600:]}")
        name = "".join(letter if letter.isalnum() else "-" for letter in what)[:60]
        folder = self._scratch / "wrong" / f"{len(tally.wrong)}-{name}"
        copy(self._root, folder)
        (folder / "stderr").write_text(ended.err)
