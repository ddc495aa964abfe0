"""Asks another interpreter what works, so that a library that crashes, hangs or lies takes nothing with it."""

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
    "HF_XET_LOG_DEST": os.devnull,  # hf_xet would begin a log in the hub cache when it is imported
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONIOENCODING": "utf-8",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one question.

    Attributes:
        ok: whether it worked.
        value: what it gave, of JSON types; None where it did not work.
        error: why it did not work, in one line.
        skipped: not tried, because what it needs did not work.
    """

    ok: bool
    value: Any = None
    error: str = ""
    skipped: bool = False


def ask(questions: Sequence[str], *, chain: bool = False, limit_s: float = LIMIT_S) -> dict[str, Answer]:
    """Puts questions (`vgpipe.doctor.child.QUESTIONS`) to one child; goes on in a new one after a crash.

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
        if left:  # the first without an answer is what the child died of
            answers[left.pop(0)] = Answer(ok=False, error=why)
        if chain and not answers[questions[0]].ok:
            return answers | {rest: _skipped(questions[0]) for rest in questions[1:]}
    return answers


def _skipped(needed: str) -> Answer:
    return Answer(ok=False, error=f"not tried: {needed.partition(':')[2] or needed} does not work", skipped=True)


def _run_child(questions: Sequence[str], limit_s: float) -> tuple[dict[str, Answer], str]:
    """Returns the answers that came, and why no more came."""
    command = [sys.executable, "-X", "faulthandler", "-c", START, json.dumps(sys.path), *questions]
    # Files, not pipes: what a child wrote before it was killed is still there.
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
            said = json.loads(payload)
        except ValueError:  # torn by a crash
            continue
        answers[said["question"]] = Answer(ok=said["ok"], value=said["value"], error=said["error"])
    return answers
