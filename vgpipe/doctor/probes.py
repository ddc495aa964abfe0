"""Asks a child process what works, so that a library that crashes or hangs does no harm here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MARK = "@@vgpipe "
LIMIT_S = 120.0  # torch from a cold hard disk takes most of a minute
# The child sees exactly the modules that this interpreter sees, however it was started.
START = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from vgpipe.doctor.child import main; main()"
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_XET_LOG_DEST": os.devnull,  # hf_xet starts a log in the hub cache when it is imported
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONIOENCODING": "utf-8",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    Attributes:
        ok: whether it worked.
        value: the result, of JSON types; None if it did not work.
        error: why it did not work, in one line.
        skipped: whether it was not tried, because something it needs does not work.
    """

    ok: bool
    value: Any = None
    error: str = ""
    skipped: bool = False


def ask(questions: Sequence[str], *, chain: bool = False, limit_s: float = LIMIT_S) -> dict[str, Answer]:
    """Asks one child process questions (`vgpipe.doctor.child.QUESTIONS`); continues in a new one after a crash.

    Args:
        questions: `kind` or `kind:name` each.
        chain: whether all others need the first one to work.
        limit_s: seconds for all of them together.

    Returns:
        question -> answer, for every question.
    """
    deadline_s = time.monotonic() + limit_s
    answers: dict[str, Answer] = {}
    left = list(questions)
    while left:
        given, why = _run_child(left, max(1.0, deadline_s - time.monotonic()))
        answers |= given
        left = [question for question in left if question not in answers]
        if left:  # the first one without an answer ended the child
            answers[left.pop(0)] = Answer(ok=False, error=why)
        if chain and not answers[questions[0]].ok:
            return answers | {rest: _skipped(questions[0]) for rest in questions[1:]}
    return answers


def _skipped(needed: str) -> Answer:
    return Answer(ok=False, error=f"not tried: {needed.partition(':')[2] or needed} does not work", skipped=True)


def _run_child(questions: Sequence[str], limit_s: float) -> tuple[dict[str, Answer], str]:
    """Returns the answers, and why there are no more."""
    command = [sys.executable, "-X", "faulthandler", "-c", START, json.dumps(sys.path), *questions]
    # Files rather than pipes, to keep what a killed child has written.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as words:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=words, env=os.environ | QUIET)
        why = _wait(child, limit_s)
        out.seek(0)
        return _parse(out.read().decode("utf-8", "replace")), why


def _wait(child: subprocess.Popen[bytes], limit_s: float) -> str:
    try:
        code = child.wait(limit_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return f"gave no answer within {limit_s:.0f} s"
    except BaseException:
        child.kill()
        raise
    if code < 0:
        return f"kills the interpreter ({signal.Signals(-code).name})"
    return f"ends the interpreter (exit code {code})"


def _parse(text: str) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for line in text.splitlines():
        _, mark, payload = line.partition(MARK)
        if not mark:
            continue
        try:
            found = json.loads(payload)
        except ValueError:  # cut off by a crash
            continue
        answers[found["question"]] = Answer(ok=found["ok"], value=found["value"], error=found["error"])
    return answers
