"""The command `verify`: checks whether finished files are reproducible, by their recipes or by re-rendering them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from vgpipe.api.verifying import files_to_verify, verdicts
from vgpipe.config.arguments import split
from vgpipe.errors import UsageError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.provenance.replay import ReplayOverrides, replay_overrides
from vgpipe.provenance.verification import Answer, Verdict
from vgpipe.runs.exit_codes import EXIT_STOPPED
from vgpipe.runs.signals import cancelled_by_signals
from vgpipe.terminal import on_one_line, write_line

HELP = """\
usage: python -m vgpipe verify FILE|RUN_DIR ... [--render] [--online] [--json] [key=value ...]
       python -m vgpipe verify --store [--json] [store.dir=DIR]

Checks whether each finished file (of a run directory, the first file of each clip) is reproducible
here:

  same          the model's files, all settings, the libraries and the device have not changed
  drifted       some of them have changed, and which; the latents may differ
  unverifiable  the file has no recipe, or its model or image is missing

  --render  re-renders each clip in a temporary store and compares the latents, bit for bit
  --online  a model that a file names may be looked up on the hub, and downloaded
  --json    one JSON object per line
  --store   reads all that the store holds and compares checksums; what is damaged is named and set
            aside, so that the next run that needs it makes it again

  model.id=DIR, clip.image=PATH, hardware=..., store.dir=... say where things are now

exit codes: 0 all are the same, or whole; 1 some are not; 2 bad usage; 3 stopped
"""
STORE = "--store"
FLAGS = ("--render", "--online", "--json")
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
    if STORE in arguments:
        from vgpipe.commands.verify_store import verify_store

        return verify_store([word for word in arguments if word != STORE])
    files, typed = _parse(arguments)
    where = replay_overrides(typed)
    answers = set()
    with cancelled_by_signals(CancelToken()) as stop:
        for verdict in _verdicts(files, where, stop, arguments):
            write_line(_as_json(verdict) if "--json" in arguments else _as_text(verdict))
            answers.add(verdict.answer)
        if stop():
            return EXIT_STOPPED
    return EXIT_SAME if answers == {Answer.SAME} else EXIT_OTHERS


def _verdicts(
    files: Sequence[Path], where: ReplayOverrides, stop: CancelToken, arguments: Sequence[str]
) -> Iterator[Verdict]:
    return verdicts(files, where, stop, render="--render" in arguments, online="--online" in arguments)


def _parse(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    words = [word for word in arguments if word not in FLAGS]
    files = [word for word in split(words).overrides if "=" not in word or Path(word).exists()]
    if not files:
        raise UsageError("verify takes finished files -> python -m vgpipe verify FILE ... [--render]")
    paths = [path for word in files for path in files_to_verify(Path(word))]
    return paths, [word for word in words if word not in files]


def _as_json(verdict: Verdict) -> str:
    return json.dumps({**asdict(verdict), "path": str(verdict.path)})


def _as_text(verdict: Verdict) -> str:
    width = max(map(len, Answer))
    return on_one_line(f"{verdict.answer:<{width}}  {verdict.path}: {'; '.join(verdict.reasons)}")
