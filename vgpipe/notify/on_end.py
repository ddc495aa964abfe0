"""The command of `run.on_end`: it gets facts in its environment, and no shell reads it."""

from __future__ import annotations

import logging
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from vgpipe.config.secret_urls import environment_without_urls
from vgpipe.errors import ConfigError, Fault
from vgpipe.notify.facts import Ended

log = logging.getLogger(__name__)

KEY, LOG_NAME = "run.on_end", "on_end.log"
MAX_ERROR = 1000
"""Characters: an environment has a limit."""
WAIT_S = 600.0
"""How long vgpipe waits for it. What takes longer, a large copy, continues by itself."""


def words_of(command: str) -> list[str]:
    """Returns the words of a command, split as a POSIX shell does, and checks that its program is there.

    Raises:
        ConfigError: where a quote is not closed, or there is no such program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _error(f"{error} in {command!r}", "close the quote") from None
    if not words:
        raise _error("is empty", "leave it out")
    if shutil.which(words[0]) is None:
        raise _error(f"there is no program {words[0]!r}", "give its path; no shell reads the command: sh -c '...' does")
    return words


def run_on_end(command: str, ended: Ended, log_folder: Path, wait_s: float = WAIT_S) -> None:
    """Runs the command; whatever comes of it is a line of the log at most.

    Args:
        command: as configured.
        ended: how the run ended.
        log_folder: gets `on_end.log` with what the command writes.
        wait_s: seconds after which it is left to itself.
    """
    try:
        words, facts = words_of(command), facts_of(ended)
        with (log_folder / LOG_NAME).open("ab") as output:
            # In a session of its own: closing the terminal must not end a copy.
            child = subprocess.Popen(
                words,
                env=environment_without_urls() | facts,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except (OSError, ValueError, ConfigError) as error:  # a NUL in a fact is a ValueError
        log.warning("%s could not be run: %s", KEY, error)
        return
    _wait(child.wait, log_folder, wait_s)


def _wait(wait: Callable[[float], int], log_folder: Path, wait_s: float) -> None:
    try:
        code = wait(wait_s)
    except subprocess.TimeoutExpired:
        log.warning("%s takes more than %.0f s: it continues by itself", KEY, wait_s)
        return
    if code:
        log.warning("%s ended with %d: %s has what it wrote", KEY, code, log_folder / LOG_NAME)


def facts_of(ended: Ended) -> dict[str, str]:
    """Returns the environment variables that tell the command how the run ended."""
    return {
        "VGPIPE_JOB": ended.job,
        "VGPIPE_RUN_DIR": str(ended.root.absolute()),
        "VGPIPE_EXIT_CODE": str(ended.exit_code),
        "VGPIPE_CLIPS": str(ended.clips),
        "VGPIPE_DONE": str(ended.done),
        "VGPIPE_DRAFTED": str(ended.drafted),
        "VGPIPE_FAILED": str(ended.failed),
        "VGPIPE_LEFT": str(ended.left),
        "VGPIPE_DEGRADED": str(ended.degraded),
        "VGPIPE_SECONDS": f"{ended.seconds:.0f}",
        "VGPIPE_RUNS": str(ended.runs),
        "VGPIPE_REPORT": str(ended.report.absolute()) if ended.report else "",
        "VGPIPE_STOPPED_BY": ended.stopped_by,
        "VGPIPE_ERROR": ended.error[:MAX_ERROR],
    }


def _error(what: str, remedy: str) -> ConfigError:
    return ConfigError("nothing was started", [Fault(KEY, what, remedy)])
