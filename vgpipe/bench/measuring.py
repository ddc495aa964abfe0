"""Measures the settings of a grid: clip by clip, every setting in turn, so that a busy machine is busy for all of them.

Each setting is an ordinary run in a directory of its own below that of the bench. A pass of it adds one clip, by the
executor that renders any run, while the models stay loaded. What was measured is on the disk before the next pass
begins: a bench that was killed and is started again does what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from vgpipe.bench.grid import Grid, Setting, config_of
from vgpipe.bench.ordinary import FRAMES
from vgpipe.bench.rows import Row, Rows
from vgpipe.bench.scores import scores
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.requested import Request
from vgpipe.config.schema import Config
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import KeptModels
from vgpipe.executor.progress_state import ProgressListener
from vgpipe.job.settings import MAX_SEED
from vgpipe.quality.verdict import Result
from vgpipe.runs.run import ready, start
from vgpipe.vocabulary import CHECKPOINT, DECODE, DENOISE

Requests = Callable[[Config], Request]
Bars = Callable[[], AbstractContextManager[ProgressListener]]
WARM_UP = "warm-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured.

    Attributes:
        root: its directory.
        config: of the full run, as `ordinary` makes it.
        grid: the settings.
        requests: reads the clips of a config.
        clips: how many.
    """

    root: Path
    config: Config
    grid: Grid
    requests: Requests
    clips: int

    @property
    def passes(self) -> int:
        """How many clips it makes in all."""
        return self.clips * len(self.grid.settings)


@dataclass(frozen=True, slots=True)
class Pass:
    """One clip at one setting that was just made.

    Attributes:
        number: how many are done with it, of all of them.
        row: what was measured.
    """

    number: int
    row: Row


def measure(bench: Bench, rows: Rows, stop: CancelToken, kept: KeptModels, bars: Bars) -> Iterator[Pass]:
    """Makes what is not measured yet, and compares each clip with that of the full run.

    Args:
        bench: what to measure.
        rows: what is known; gets what is measured.
        stop: says when to stop early.
        kept: keeps the models loaded.
        bars: draws how far a clip is.

    Yields:
        Each clip, once it is made; it ends early where `stop` says so.

    Raises:
        VgpipeError: where a run cannot be started.
    """
    making = _Making(bench, rows, stop, kept, bars)
    left = {clip: making.settings_left(clip) for clip in range(bench.clips)}
    done = bench.passes - sum(map(len, left.values()))
    if any(left.values()):
        making.warm_up()
    for clip, settings in left.items():
        for row in making.clip(clip, settings) if settings else ():
            done += 1
            yield Pass(done, row)
        if stop():
            return


class _Making:
    def __init__(self, bench: Bench, rows: Rows, stop: CancelToken, kept: KeptModels, bars: Bars):
        self._bench, self._rows, self._stop, self._kept, self._bars = bench, rows, stop, kept, bars

    def settings_left(self, clip: int) -> list[Setting]:
        """Returns the settings at which a clip is not measured, in the order of their turns."""
        settings = self._bench.grid.settings if clip % 2 else self._bench.grid.settings[::-1]
        rows = {one.name: self._rows.find(one.name, clip) for one in settings}
        return [one for one in settings if (row := rows[one.name]) is None or not row.is_compared]

    def warm_up(self) -> None:
        """Makes a clip that does not count: what a process does once is done, and threads are tried, before any."""
        config = self._config(self._bench.grid.full)
        wanted = self._bench.requests(config)
        first = wanted.clips[0]
        other = replace(first, id=f"{first.id}-again", seed=(first.seed + 1) % (MAX_SEED + 1))
        self._run(config, replace(wanted, clips=(other,)), WARM_UP)

    def clip(self, clip: int, left: Sequence[Setting]) -> Iterator[Row]:
        """Makes a clip at some settings and yields a row for each; then compares them with the full run."""
        full = self._bench.grid.full
        made: dict[Setting, ClipState] = {}
        for setting in left if full in left else (full, *left):
            is_begun = self._has_checkpoint()
            state = self._pass(setting, clip)
            if state is None:
                return
            made[setting] = state
            row = self._rows.find(setting.name, clip)
            if row is None:  # made before, and not compared, it may come from the store now
                row = _row(setting.name, clip, state, is_begun=is_begun)
                self._rows.add(row)
            if setting in left:
                yield row
        self._compare(clip, made)

    def _has_checkpoint(self) -> bool:
        """Returns whether a clip was begun and not finished: the store is the bench's own, so it is the next one."""
        return any(path.is_file() for path in (Path(self._bench.config.store.dir) / CHECKPOINT).rglob("*"))

    def _compare(self, clip: int, made: Mapping[Setting, ClipState]) -> None:
        """Scores the clips of all settings."""
        full = made[self._bench.grid.full]
        for setting, state in made.items():
            row = self._rows.find(setting.name, clip)
            if row is not None and not row.is_compared:
                folders = self._frames(setting, state), self._frames(self._bench.grid.full, full)
                found = scores(*folders) if state.is_done and full.is_done else {}
                self._rows.add(replace(row, scores=found, is_compared=True))

    def _frames(self, setting: Setting, state: ClipState) -> Path:
        return self._bench.root / setting.folder / state.files.get(FRAMES, "")

    def _pass(self, setting: Setting, clip: int) -> ClipState | None:
        """Has a setting's run make one clip more; returns it, or None where the run was stopped."""
        config = self._config(setting)
        wanted = self._bench.requests(config)
        states = self._run(config, replace(wanted, clips=wanted.clips[: clip + 1]), setting.folder)
        return states[clip] if states else None

    def _run(self, config: Config, wanted: Request, folder: str) -> Sequence[ClipState]:
        prepared = ready(config, wanted, terminal=False, kept=self._kept)
        with self._bars() as bars:
            result = start(prepared, self._bench.root / folder, self._stop, on_progress=bars, kept=self._kept)
        if result.error is not None:
            raise result.error
        return () if self._stop() else result.states

    def _config(self, setting: Setting) -> Config:
        return config_of(setting, self._bench.config)


def _row(name: str, clip: int, state: ClipState, *, is_begun: bool) -> Row:
    return Row(
        setting=name,
        clip=clip,
        seconds=dict(state.seconds),
        is_timed=not is_begun and {DENOISE, DECODE} <= set(state.seconds),
        peak_gb=state.peak_ram_gb if state.peak_vram_gb is None else state.peak_vram_gb,
        on_gpu=state.peak_vram_gb is not None,
        error=None if state.is_done else (state.error or state.status.value).splitlines()[0],
        degradations=tuple(map(str, state.all_degradations)),
        warned=tuple(one.check for one in state.verdicts or () if one.result is not Result.PASSED),
    )
