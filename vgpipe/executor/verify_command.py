"""The command `verify`: one line a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vgpipe.config.arguments import split
from vgpipe.errors import UsageError
from vgpipe.executor.interrupts import EXIT_STOPPED, StopSignal
from vgpipe.executor.reruns import first_files, typed_after
from vgpipe.executor.verify import Answer, Verdict, Verifier
from vgpipe.store.rundir import RunDir

HELP = """\
usage: python -m vgpipe verify FILE|RUN_DIR ... [--render] [--json] [key=value ...]

Says of each finished file, of a run of each clip's first, whether its recipe still makes it here:

  same      the model's files, all settings, the libraries' versions and the device are those it was made with
  drifted   something of that has changed, and what; its latents may come out otherwise
  cannot    there is no recipe in it, or the model or its image is gone

  --render  makes each clip once more, in a store of its own, and compares the latents bit for bit
  --json    one JSON object a line

  model.id=DIR, clip.image=PATH, hardware=..., store.dir=... say where things lie by now

exit codes: 0 all are the same; 1 some are not; 2 bad usage; 3 stopped
"""
FLAGS = ("--render", "--json")
EXIT_SAME, EXIT_OTHERS = 0, 1


def verify(arguments: Sequence[str]) -> int:
    """Verifies files and writes one line each to stdout.

    Args:
        arguments: what was typed after `verify`.

    Returns:
        The exit code: 0 where all recipes still make their files.

    Raises:
        UsageError: where no file was named, or an override would change what recipes say.
    """
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(HELP)
        return EXIT_SAME
    files, typed = _taken_apart(arguments)
    verifier = Verifier(typed_after(typed))
    answers = set()
    with StopSignal() as stop:
        for path in files:
            is_rendered = "--render" in arguments
            found = verifier.rendered_verdict(path, stop) if is_rendered else verifier.verdict(path)
            if stop():
                return EXIT_STOPPED
            _write(found, as_json="--json" in arguments)
            answers.add(found.answer)
    return EXIT_SAME if answers == {Answer.SAME} else EXIT_OTHERS


def _taken_apart(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    words = split([word for word in arguments if word not in FLAGS])
    files = [word for word in words.overrides if "=" not in word or Path(word).exists()]
    if not files:
        raise UsageError("verify takes finished files -> python -m vgpipe verify FILE ... [--render]")
    found = [path for word in files for path in _files_of(Path(word))]
    return found, [*words.flags, *(word for word in words.overrides if word not in files)]


def _files_of(path: Path) -> list[Path]:
    """Returns the files to verify: of a run's directory the first of each finished clip, else the file itself."""
    run_dir = RunDir(path)
    return first_files(run_dir) if run_dir.holds_run() else [path]


def _write(found: Verdict, *, as_json: bool) -> None:
    facts = {**asdict(found), "path": str(found.path)}
    told = json.dumps(facts) if as_json else f"{found.answer:<8}  {found.path}: {'; '.join(found.reasons)}"
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(told.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()
