"""What Hydra runs for each combination of a sweep, or for the only run, in this process or in a launcher's worker."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from vgpipe.clips.requested import Request, request
from vgpipe.commands.search import search_of
from vgpipe.commands.sweep_result import SweepResult
from vgpipe.commands.worker import run_in_worker
from vgpipe.config.checked_launcher import Composed, Place
from vgpipe.config.composer import task_overrides
from vgpipe.config.load import from_hydra
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault, ModelError, UsageError, VgpipeError, first_line
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.moment import Moment
from vgpipe.job.resolving.draws import new_origin
from vgpipe.runs.exit_codes import EXIT_DONE
from vgpipe.store.rundir import RunDir
from vgpipe.store.unused_directory import claimed_directory
from vgpipe.terminal import write_error, write_note

# An invalid job must not wait for what only a valid one needs: what renders is imported when all jobs have been read.
if TYPE_CHECKING:
    from vgpipe.executor.kept_models import KeptModels
    from vgpipe.runs.result import RunResult
    from vgpipe.runs.run import Ready

log = logging.getLogger(__name__)

Overrides = tuple[str, ...]
MAX_ERROR = 120
"""Characters of an error of a launcher that are shown."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is known of a sweep as a whole.

    Attributes:
        config: of its first combination.
        job: what the user calls the job of that; may be empty.
        root: its directory.
    """

    config: Config
    job: str
    root: Path


class RenderTask:
    """Checks and renders combinations.

    What was checked waits here for its turn. A copy that a launcher sends to a worker holds nothing of this process:
    it checks again, and answers signals itself.

    Args:
        stop: says when to stop early; None in a worker.
        kept: what the runs of this process leave loaded for each other; None in a worker.
        started: when the runs began; None for now.
        on_start: called once, when what was checked first may start.
        drawn_from: the number that random seeds are drawn from, so that combinations differ in what is swept alone;
            None for a new one.
    """

    def __init__(
        self,
        stop: CancelToken | None = None,
        kept: KeptModels | None = None,
        started: Moment | None = None,
        on_start: Callable[[], object] | None = None,
        drawn_from: int | None = None,
    ) -> None:
        self._stop, self._kept, self._on_start = stop, kept, on_start
        self._started = started or Moment.now()
        self._drawn_from = new_origin() if drawn_from is None else drawn_from
        self._checked: dict[Overrides, Ready | VgpipeError] = {}
        self._has_started = False
        self._known_runs = 0
        self._sweep: Sweep | None = None

    @property
    def sweep(self) -> Sweep | None:
        """The sweep that was started; None for a single run, and where nothing was started."""
        return self._sweep if self._has_started else None

    @property
    def seconds(self) -> float:
        """How long the runs have taken so far."""
        return self._started.elapsed_s()

    def __reduce__(self) -> tuple[type[RenderTask], tuple[None, None, Moment, None, int]]:
        return RenderTask, (None, None, self._started, None, self._drawn_from)

    def check(self, batch: Sequence[Composed], place: Place) -> None:
        """Reads the jobs of a batch and plans its runs.

        Args:
            batch: one for each combination.
            place: where they will run; elsewhere the models and the memory may be others, so only the jobs are read.

        Raises:
            UsageError: where a config or a job is invalid, naming everything that is wrong; in a later batch, such
                a combination fails alone.
            VgpipeError: where no combination can start, unless a search may pick others next.
        """
        wanted: dict[Overrides, tuple[Config, Request]] = {}
        self._checked = {}
        invalid: dict[Overrides, UsageError] = {}
        for one in batch:
            try:
                wanted[one.key] = self._read(one)
                self._sweep = self._sweep or _sweep_of(one, *wanted[one.key])
            except UsageError as error:
                invalid[one.key] = error
        if invalid and not self._has_started:
            raise of_combinations(invalid, [one.key for one in batch])
        self._checked = {**invalid}
        if place is Place.HERE:
            self._checked |= {overrides: _planned(*read, self._kept) for overrides, read in wanted.items()}
        errors = [one for one in self._checked.values() if isinstance(one, VgpipeError)]
        if len(errors) == len(batch) and not self._has_started and not any(map(_is_of_search, batch)):
            raise errors[0]
        if not self._has_started and self._on_start is not None:
            self._on_start()
        self._has_started = True
        self._known_runs += len(batch)

    def claim(self, directory: Path) -> Path:
        """Makes the directory of the only run, or one beside it where another run has just made it.

        Raises:
            OSError: where it cannot be created.
        """
        return claimed_directory(directory)

    def __call__(self, composed: DictConfig) -> SweepResult:
        """Renders one combination.

        Args:
            composed: its config.

        Returns:
            The result; in a sweep also where it could not be started, so that the others run.

        Raises:
            VgpipeError: where the only run cannot be started.
            OSError: likewise.
        """
        root_config: Any = HydraConfig.instance().cfg
        hydra = root_config.hydra
        root = Path(hydra.runtime.output_dir)
        search, overrides = search_of(composed, hydra), task_overrides(root_config)
        try:
            if self._stop is None:
                result = run_in_worker(self._config(composed), root, self._started, overrides)
            else:
                checked = self._checked.pop(overrides, None)
                result = self._run(checked, composed, root, self._stop, self._label(hydra, root))
            return SweepResult.of(result.root, search, result.exit_code, result.states)
        except (VgpipeError, OSError) as error:
            if hydra.mode is RunMode.RUN:
                raise
            log.debug("traceback of a combination", exc_info=error)
            write_error(f"{root.name}: {error}")
            return SweepResult.without(root, search, first_line(error))

    def lost(self, one: Composed, error: BaseException) -> SweepResult:
        """Reports a combination of which there is no result, since its worker broke down or was killed.

        Args:
            one: the combination.
            error: what its launcher raised.

        Returns:
            The result that its run directory tells; a failure where there is none.
        """
        from vgpipe.clips.clip_record import past_record
        from vgpipe.typed import typed_path

        log.debug("traceback of a combination", exc_info=error)
        hydra = one.config.hydra
        run_dir, search = RunDir(Path(hydra.runtime.output_dir)), search_of(one.config, hydra)
        clips = [past_record(record) for record in run_dir.read_clips()] if run_dir.holds_run() else []
        if clips and all(clip.is_done for clip in clips):
            return SweepResult.of(run_dir.root, search, EXIT_DONE, clips)
        remedy = f" -> python -m vgpipe resume {typed_path(run_dir.root)}" if clips else ""
        reason = f"no result ({type(error).__name__})"
        write_error(f"{run_dir.root.name}: {reason}: {first_line(error)[:MAX_ERROR]}{remedy}")
        return SweepResult.without(run_dir.root, search, reason, clips)

    def _run(
        self, run: Ready | VgpipeError | None, composed: DictConfig, root: Path, stop: CancelToken, label: str
    ) -> RunResult:
        from vgpipe.commands.closing import show
        from vgpipe.runs.bars import TerminalBars
        from vgpipe.runs.following import Closing
        from vgpipe.runs.run import start

        if label:
            write_note(f"\n{label}")
        if isinstance(run, VgpipeError):
            raise run
        root_config: Any = HydraConfig.instance().cfg
        made = replace(run or _ready(self._config(composed)), overrides=task_overrides(root_config))
        closing = Closing.OF_SWEEP if label else Closing.OF_RUN
        with TerminalBars() as bars:
            result = start(made, root, stop, on_progress=bars, kept=self._kept, closing=closing)
        show(result, label)
        return result

    def _read(self, one: Composed) -> tuple[Config, Request]:
        config = self._config(one.config)
        search_of(one.config, one.config.hydra).refuse_other_count()
        return config, request(config)

    def _config(self, composed: DictConfig) -> Config:
        config = from_hydra(composed)
        return config if config.drawn_from is not None else replace(config, drawn_from=self._drawn_from)

    def _label(self, hydra: Any, root: Path) -> str:
        """Returns which run of the sweep this is, `2 of 4: quality=quick`; empty for a single one."""
        if hydra.mode is RunMode.RUN:
            return ""
        count = max(self._known_runs, getattr(hydra.sweeper, "n_trials", None) or 0)
        return f"{hydra.job.num + 1} of {count}: {root.name}"


def _ready(config: Config) -> Ready:
    from vgpipe.runs.run import ready

    return ready(config, request(config))


def _is_of_search(one: Composed) -> bool:
    return bool(search_of(one.config, one.config.hydra).directions)


def _sweep_of(one: Composed, config: Config, wanted: Request) -> Sweep | None:
    hydra = one.config.hydra
    if hydra.mode is not RunMode.MULTIRUN:
        return None
    return Sweep(config, wanted.title, Path(str(hydra.sweep.dir)))


def _planned(config: Config, wanted: Request, kept: KeptModels | None) -> Ready | VgpipeError:
    """Opens the model and plans the run; the other combinations of a sweep start even if this one cannot."""
    from vgpipe.runs.run import ready

    try:
        return ready(config, wanted, kept=kept)
    except (ModelError, ConfigError) as error:
        return error


def of_combinations(errors: Mapping[Overrides, UsageError], batch: Sequence[Overrides]) -> UsageError:
    """Returns the errors of combinations as one; a fault that not all of them have names those that do.

    Args:
        errors: by the overrides of the combination.
        batch: the overrides of all combinations.
    """
    shared = set.intersection(*map(set, batch))
    having: dict[Fault, list[str]] = {}
    for overrides, error in errors.items():
        for fault in error.faults or (Fault("job", error.headline),):
            having.setdefault(fault, []).append(" ".join(one for one in overrides if one not in shared))
    told = [fault if len(names) == len(batch) else _with(fault, names) for fault, names in having.items()]
    return UsageError(_headline(errors, len(batch)), told if any(error.faults for error in errors.values()) else ())


def _headline(errors: Mapping[Overrides, UsageError], num_combinations: int) -> str:
    headlines = {error.headline for error in errors.values()}
    if len(headlines) == 1:
        return headlines.pop()
    return f"{len(errors)} of {num_combinations} combinations are invalid; nothing was started"


def _with(fault: Fault, names: Sequence[str]) -> Fault:
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return replace(fault, what=f"{fault.what} (with {names[0]}{others})")
