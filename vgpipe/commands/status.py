"""The command `status`: how a run stands, what runs now, when it will be done."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vgpipe.commands.ls import folder_of
from vgpipe.errors import UsageError
from vgpipe.report.run_facts import RunFacts, failures_of, rendering_of, run_facts
from vgpipe.report.run_text import status_lines, status_values
from vgpipe.store.run_folders import run_folders
from vgpipe.store.run_lock import is_in_use
from vgpipe.terminal import write, write_line

HELP = """\
usage: python -m vgpipe status [RUN_DIR] [--watch] [--json]

Tells how a run stands: clips, what each worker does now (stage, clip, step), when the run will be
done, its last failures, and what to type next. Without a directory: the run below outputs that
renders now, or the newest. Loads no model, changes nothing.

  status                                    the run that renders now
  status --watch                            and again every second, until it ends (Ctrl-C)
  status outputs/night/2026-11-28_09-00-00  this run
  status --json                             one JSON object on stdout (docs/runs.md)

exit codes: 0 done; 2 bad usage, or there is no run
"""
OUTPUTS = Path("outputs")
SHOWN_FAILURES, EVERY_S = 5, 1.0


def main(arguments: Sequence[str]) -> int:
    """Tells how a run stands.

    Args:
        arguments: a run directory, `--watch`, `--json`.

    Returns:
        The exit code, 0.

    Raises:
        UsageError: where there is no run, or `--watch` has no terminal.
    """
    given = folder_of(arguments, "status", ("--json", "--watch"))
    root = _newest() if given is None else given
    facts = _facts(root)
    if "--json" in arguments:
        values = status_values(facts, rendering_of(root), failures_of(root, SHOWN_FAILURES))
        write(json.dumps(values, indent=1) + "\n")
    elif "--watch" in arguments:
        _watch(root)
    else:
        write_line(_text(facts))
    return 0


def _newest() -> Path:
    """Returns the run that is being made, the newest one of several; else the newest.

    Raises:
        UsageError: where there is no run.
    """
    found = run_folders(OUTPUTS)
    if not found:
        raise UsageError(f"no run below {OUTPUTS} -> python -m vgpipe status RUN_DIR")
    return next((root for root in found if is_in_use(root)), found[0])


def _facts(root: Path) -> RunFacts:
    facts = run_facts(root)
    if facts is None:
        raise UsageError(f"{root} holds no run (no clips.jsonl) -> python -m vgpipe ls, which lists those of outputs")
    return facts


def _text(facts: RunFacts) -> str:
    now, failures = datetime.now().astimezone(), failures_of(facts.root, SHOWN_FAILURES)
    return "\n".join(status_lines(facts, rendering_of(facts.root), failures, now))


def _watch(root: Path) -> None:
    """Shows how a run stands, again every second, until no process is at it any more or Ctrl-C."""
    if not sys.stdout.isatty():
        raise UsageError("--watch draws on a terminal -> python -m vgpipe status --json, as often as you like")
    from rich.live import Live
    from rich.text import Text

    facts = _facts(root)
    with Live(Text(_text(facts)), auto_refresh=False) as live:
        try:
            while facts.state.is_active:
                time.sleep(EVERY_S)
                facts = _facts(root)
                live.update(Text(_text(facts)), refresh=True)
        except KeyboardInterrupt:
            return
