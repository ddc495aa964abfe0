"""The command `verify`: checks whether finished files are reproducible, by their recipes or by re-rendering them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from vgpipe.clips.from_config import HASHES_FILE, Request
from vgpipe.config.arguments import split
from vgpipe.config.schema import Config, StoreConfig
from vgpipe.errors import UsageError, VgpipeError, first_line
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.provenance.diff import latents_checksums
from vgpipe.provenance.replay import Replay, first_files, read, replay_overrides
from vgpipe.provenance.verification import Answer, Verdict, Verifier
from vgpipe.runs.result import EXIT_DONE, EXIT_STOPPED, RunResult
from vgpipe.runs.run import ready, start
from vgpipe.runs.signals import cancelled_by_signals
from vgpipe.store.durable import temporary_path
from vgpipe.store.rundir import RunDir
from vgpipe.terminal import write_line

HELP = """\
usage: python -m vgpipe verify FILE|RUN_DIR ... [--render] [--json] [key=value ...]

Checks whether each finished file (of a run directory, the first file of each clip) is reproducible here:

  same          the model's files, all settings, the libraries' versions and the device have not changed
  drifted       some of them have changed, and which; the latents may differ
  unverifiable  the file has no recipe, or its model or image is missing

  --render  re-renders each clip in a temporary store and compares the latents, bit for bit
  --json    one JSON object per line

  model.id=DIR, clip.image=PATH, hardware=..., store.dir=... say where things are now

exit codes: 0 all are the same; 1 some are not; 2 bad usage; 3 stopped
"""
FLAGS = ("--render", "--json")
EXIT_SAME, EXIT_OTHERS = 0, 1


def main(arguments: Sequence[str]) -> int:
    """Verifies files and prints a line for each.

    Args:
        arguments: files or run directories, flags, and overrides that say where things are now.

    Returns:
        The exit code: 0 where all files are reproducible.

    Raises:
        UsageError: where no file is given, or an override would change the clip.
    """
    files, typed = _parse(arguments)
    verifier = Verifier(replay_overrides(typed))
    answers = set()
    with cancelled_by_signals(CancelToken()) as stop:
        for path in files:
            verdict = _verdict(verifier, path, stop, renders="--render" in arguments)
            if stop():
                return EXIT_STOPPED
            write_line(_as_json(verdict) if "--json" in arguments else _as_text(verdict))
            answers.add(verdict.answer)
    return EXIT_SAME if answers == {Answer.SAME} else EXIT_OTHERS


def _parse(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    words = [word for word in arguments if word not in FLAGS]
    files = [word for word in split(words).overrides if "=" not in word or Path(word).exists()]
    if not files:
        raise UsageError("verify takes finished files -> python -m vgpipe verify FILE ... [--render]")
    paths = [path for word in files for path in _files_of(Path(word))]
    return paths, [word for word in words if word not in files]


def _files_of(path: Path) -> list[Path]:
    """Returns the files to verify: of a run's directory the first of each finished clip, else the file itself."""
    run_dir = RunDir(path)
    return first_files(run_dir) if run_dir.holds_run() else [path]


def _verdict(verifier: Verifier, path: Path, stop: CancelToken, *, renders: bool) -> Verdict:
    """Verifies a file by its recipe; with `renders`, re-renders it and compares the latents."""
    expected = verifier.verdict(path)
    if expected.answer is Answer.UNVERIFIABLE or not renders:
        return expected
    replay = verifier.recipe_of(path)
    try:
        recipe = _render(replay, stop)
    except (VgpipeError, OSError) as error:
        return Verdict(path, Answer.UNVERIFIABLE, (first_line(error),), is_rendered=True)
    changes = expected.reasons if expected.answer is Answer.DRIFTED else ()
    if latents_checksums(recipe) == latents_checksums(replay.recipe):
        reasons = ("the latents are bit-identical", *(f"although {change}" for change in changes))
        return Verdict(path, Answer.SAME, reasons, is_rendered=True)
    return Verdict(path, Answer.DRIFTED, ("the latents differ", *changes), is_rendered=True)


def _render(replay: Replay, stop: CancelToken) -> Mapping[str, Any]:
    """Renders a clip in a store that is removed afterwards; returns the recipe of its first file."""
    with _temporary_store(replay.config) as config:
        run_dir = RunDir(Path(config.store.dir) / "run")
        result = start(ready(config, Request((replay.clip,))), run_dir.root, stop)
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


def _as_json(verdict: Verdict) -> str:
    return json.dumps({**asdict(verdict), "path": str(verdict.path)})


def _as_text(verdict: Verdict) -> str:
    width = max(map(len, Answer))
    return f"{verdict.answer:<{width}}  {verdict.path}: {'; '.join(verdict.reasons)}"
