"""Checks whether finished files are reproducible, by their recipes or by re-rendering them."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from vgpipe.api.running import alone, interruptible
from vgpipe.clips.from_config import HASHES_FILE
from vgpipe.clips.requested import Request
from vgpipe.config.checks_schema import ChecksConfig
from vgpipe.config.schema import Config, StoreConfig
from vgpipe.errors import VgpipeError, first_line
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.hub.repo import without_requests
from vgpipe.provenance.diff import latents_checksums
from vgpipe.provenance.replay import Replay, ReplayOverrides, first_files, read, replay_overrides
from vgpipe.provenance.verification import Answer, Verdict, Verifier
from vgpipe.runs.exit_codes import EXIT_DONE
from vgpipe.runs.result import RunResult
from vgpipe.runs.run import ready, start
from vgpipe.store.durable import temporary_path
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)

ONLINE = "python -m vgpipe verify FILE --online, which may download it"
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def verify(
    files: Paths,
    *,
    render: bool = False,
    online: bool = False,
    overrides: Sequence[str] = (),
    cancel: CancelToken | None = None,
) -> tuple[Verdict, ...]:
    """Checks whether finished files are reproducible here.

    Args:
        files: a file or a run directory (the first file of each of its clips), or several.
        render: whether to render each clip again, in a store that is removed, and to compare the latents bit for bit.
            The re-rendering waits for other runs of this process.
        online: whether a model that is not on this machine may be looked up and downloaded; its name is in the file.
        overrides: where things are now: `model.id=DIR`, `clip.image=PATH`, `hardware=...`, `store.dir=DIR`.
        cancel: ends it early; what was verified so far is returned.

    Returns:
        A verdict for each file: `answer` is `same`, `drifted` or `unverifiable`, and `reasons` says why.

    Raises:
        UsageError: where an override would change the clip.
        Stopped: where `cancel` was cancelled before the re-rendering could start.
        KeyboardInterrupt: after Ctrl-C.
    """
    typed = replay_overrides(overrides)
    given = [files] if isinstance(files, str | os.PathLike) else list(files)
    paths = [path for one in given for path in files_to_verify(Path(one))]
    if not render:
        return tuple(verdicts(paths, typed, cancel or CancelToken(), render=False, online=online))
    with alone(cancel), interruptible(cancel) as (token, interrupt):
        found = tuple(verdicts(paths, typed, token, render=True, online=online, terminal=False))
    if interrupt.is_cancelled:
        raise KeyboardInterrupt(f"{len(found)} of {len(paths)} files are verified")
    return found


def files_to_verify(path: Path) -> list[Path]:
    """Returns of a run's directory the first file of each finished clip; the path itself of anything else."""
    run_dir = RunDir(path)
    try:
        return (first_files(run_dir) if run_dir.holds_run() else []) or [path]
    except (VgpipeError, OSError) as error:  # its verdict says that nothing is there; the other files follow
        log.warning("%s cannot be read: %s", path, error)
        return [path]


def verdicts(
    paths: Sequence[Path],
    typed: ReplayOverrides,
    stop: CancelToken,
    *,
    render: bool,
    online: bool,
    terminal: bool = True,
) -> Iterator[Verdict]:
    """Yields a verdict for each file, as soon as it is known.

    Args:
        paths: the files.
        typed: where things are now.
        stop: ends it early, without a verdict for the file at work.
        render: whether to render again.
        online: whether the hub may be asked.
        terminal: whether the log of the renderings is shown on the terminal.
    """
    verifier = Verifier(typed)
    for path in paths:
        with nullcontext() if online else without_requests(ONLINE):  # not around `yield`, where the caller runs
            verdict = _verdict(verifier, path, stop, render=render, terminal=terminal)
        if stop():
            return
        yield verdict


def _verdict(verifier: Verifier, path: Path, stop: CancelToken, *, render: bool, terminal: bool) -> Verdict:
    verdict = verifier.verdict(path)
    if render and verdict.answer is not Answer.UNVERIFIABLE:
        return _rendered_verdict(verdict, verifier.recipe_of(path), stop, terminal)
    return verdict


def _rendered_verdict(expected: Verdict, replay: Replay, stop: CancelToken, terminal: bool) -> Verdict:
    """Re-renders a file's clip and compares the latents."""
    path = expected.path
    try:
        recipe = _render(replay, stop, terminal)
    except (VgpipeError, OSError) as error:
        return Verdict(path, Answer.UNVERIFIABLE, (first_line(error),), is_rendered=True)
    preview = (replay.preview,) if replay.preview else ()
    changes = [one for one in expected.reasons if one not in preview] if expected.answer is Answer.DRIFTED else []
    if latents_checksums(recipe) == latents_checksums(replay.recipe):
        reasons = ("the latents are bit-identical", *(f"although {change}" for change in changes), *preview)
        return Verdict(path, Answer.SAME, reasons, is_rendered=True)
    return Verdict(path, Answer.DRIFTED, ("the latents differ", *changes, *preview), is_rendered=True)


def _render(replay: Replay, stop: CancelToken, terminal: bool) -> Mapping[str, Any]:
    """Renders a clip in a store that is removed afterwards; returns the recipe of its first file.

    No check has a say: a clip that one rejects is to be the same, too.
    """
    with _temporary_store(replace(replay.config, checks=ChecksConfig())) as config:
        run_dir = RunDir(Path(config.store.dir) / "run")
        made = ready(config, Request((replay.clip,)), terminal=terminal)
        result = start(made, run_dir.root, stop)
        if result.exit_code != EXIT_DONE:
            raise VgpipeError(f"it could not be rendered: {_why(result)}")
        return read(first_files(run_dir)[0])


def _why(result: RunResult) -> str:
    """Returns why the only clip of a run is not done."""
    if result.error is not None:
        return str(result.error)
    state = result.states[0]
    return state.error or state.status.value


@contextmanager
def _temporary_store(config: Config) -> Iterator[Config]:
    """Yields a config whose store is empty but for the digests of the model's files, which take long to compute."""
    store = Path(config.store.dir)
    folder = temporary_path(store / "verify")
    folder.mkdir(parents=True)
    try:
        if (store / HASHES_FILE).is_file():
            shutil.copy2(store / HASHES_FILE, folder)
        run = replace(config.run, sheet=False, metadata=True, until=None)
        yield replace(config, store=StoreConfig(dir=str(folder)), run=run, also={})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
