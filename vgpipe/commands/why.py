"""The command `why`: what a run would do about its clips now, and which input changed since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.errors import UsageError
from vgpipe.terminal import on_one_line, write, write_line

if TYPE_CHECKING:
    from vgpipe.runs.why import Answer

HELP = """\
usage: python -m vgpipe why RUN_DIR [CLIP] [--json]

Tells of each clip of a run, or of one, what the same command would do about it now: nothing, export
it again, decode and export it again, or render it again; and why: which input of it changed since
that run. The job file is read as it is now, and so are the files of the model and the images. Loads
no weights, renders nothing, changes nothing.

  why outputs/night/2026-11-28_09-00-00            all clips
  why outputs/night/2026-11-28_09-00-00 hero       those whose id begins with hero
  why ... --json                                   one JSON object on stdout (docs/runs.md)

With other settings: python -m vgpipe plan --why job=... memory.vae_tiling=true

exit codes: 0 nothing is left to do; 1 clips would be rendered or exported; 2 bad usage
"""
EXIT_NOTHING_LEFT, EXIT_LEFT = 0, 1


def main(arguments: Sequence[str]) -> int:
    """Tells what a run would do about its clips now.

    Args:
        arguments: a run directory, the beginning of a clip's id, `--json`.

    Returns:
        The exit code: 0 where nothing is left to do.

    Raises:
        UsageError: where there is no such run or clip, or the job file is invalid by now.
        ModelError: where the model cannot be opened.
    """
    words = [word for word in arguments if word != "--json"]
    if not 1 <= len(words) <= 2 or any(word.startswith("-") or not word for word in words):
        raise UsageError("why takes a run directory, and a clip if you like -> python -m vgpipe why RUN_DIR [CLIP]")
    from vgpipe.runs.ask_why import of_run

    found = of_run(Path(words[0]))
    return show(_chosen(found, words[1]) if len(words) == 2 else found, wants_json="--json" in arguments)


def show(answers: Sequence[Answer], *, wants_json: bool) -> int:
    """Writes answers, a line each, and returns the exit code.

    Args:
        answers: in job order.
        wants_json: whether to write them as one JSON object.
    """
    from vgpipe.runs.why import Work

    if wants_json:
        write(json.dumps({"schema": 1, "clips": [_values(one) for one in answers]}, indent=1) + "\n")
    else:
        for one in answers:
            write_line(on_one_line(f"{one.clip}  {one}"))
    return EXIT_NOTHING_LEFT if all(one.work is Work.NOTHING for one in answers) else EXIT_LEFT


def _values(one: Answer) -> dict[str, object]:
    return {
        "clip": one.clip,
        "work": one.work.name.lower(),
        "where": one.where or None,
        "reasons": list(one.reasons),
        "answer": str(one),
        "was": one.was,
        "run": str(one.run) if one.run else None,
    }


def _chosen(answers: Sequence[Answer], name: str) -> Sequence[Answer]:
    """Returns the answers of the clips that a user means, by their ids now or then.

    Raises:
        UsageError: where there is none.
    """
    exact = [one for one in answers if name in (one.clip, one.was)]
    found = exact or [one for one in answers if one.clip.startswith(name) or (one.was or "").startswith(name)]
    if found:
        return found
    known = [one.clip for one in answers]
    close = get_close_matches(name, known, n=1, cutoff=0.3) or known[:1]
    raise UsageError(f"the run has no clip {name!r} -> one of its {len(known)} clips: {', '.join(close)}, ...")
