"""The commands by name: adding one is a file in this package and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Protocol, cast


class Command(Protocol):
    """What the module of a command defines.

    Attributes:
        HELP: the text of `--help`; that of `run` is the overview of the whole program.
    """

    HELP: str

    def main(self, arguments: Sequence[str]) -> int:
        """Runs the command.

        Args:
            arguments: what was typed after its name.

        Returns:
            The exit code.
        """


class Needs(Enum):
    """What must be sound before a command starts."""

    NOTHING = "nothing"
    LIBRARIES = "libraries"
    """The installed versions must work together, since the command renders or plans."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One command.

    Attributes:
        usage: what is typed after its name.
        summary: what it does, for the list of commands.
        needs: what is checked before its module is imported.
        module: its file in this package; empty for one of the same name.
    """

    usage: str
    summary: str
    needs: Needs = Needs.LIBRARIES
    module: str = ""


DEFAULT = "run"
"""The command that runs where no command is named."""

COMMANDS = {
    "run": Entry("job=prompts.yaml [group=option ...] [key=value ...]", "render a job"),
    "plan": Entry("[job=...] [hardware=rtx3060_8gb|all] [--json]", "forecast memory, RAM, disk, time"),
    "bench": Entry("[model=...] [prompts=FILE] [levers=steps,...]", "measure speed and quality of settings here"),
    "resume": Entry("[RUN_DIR] [run.until=... run.budget=...]", "finish a stopped run in place"),
    "ls": Entry("[FOLDER] [--json]", "list runs: state, clips, time, size", Needs.NOTHING),
    "status": Entry("[RUN_DIR] [--watch] [--json]", "what runs now, when it is done, failures", Needs.NOTHING),
    "why": Entry("RUN_DIR [CLIP] [--json]", "what would be rendered again, and why"),
    "pause": Entry("[RUN_DIR]", "free a run's memory, and wait", Needs.NOTHING),
    "continue": Entry(
        "[RUN_DIR] [pick=[...]|all|best:N]", "finish drafts, or end a pause", Needs.NOTHING, "continue_run"
    ),
    "report": Entry("RUN_DIR ... [--out FILE]", "build a run's page, or compare runs", Needs.NOTHING),
    "serve": Entry("[FOLDER] [--host ADDRESS --token TOKEN]", "serve all runs as a web page", Needs.NOTHING),
    "rerun": Entry("FILE [--yes] [key=value ...]", "re-render from the metadata in a file"),
    "verify": Entry("FILE|RUN_DIR ... [--render] [--online]", "check that files are reproducible"),
    "gc": Entry("[--dry-run] [--keep-days N] [--max-gb X]", "free what no kept run needs", Needs.NOTHING),
    "notify": Entry("[--test]", "show where notifications go, and try it", Needs.NOTHING),
    "doctor": Entry("[--json]", "diagnose this machine and suggest fixes", Needs.NOTHING),
}


def says_which_drafts(word: str) -> bool:
    """Returns whether a word says which drafts `continue` finishes."""
    return word == "all" or word.startswith(("pick=", "best:"))


def needs_of(name: str, arguments: Sequence[str]) -> Needs:
    """Returns what must be sound before a command starts: `continue` renders where it finishes drafts.

    Args:
        name: a key of `COMMANDS`.
        arguments: what was typed after it.
    """
    finishes = name == "continue" and any(map(says_which_drafts, arguments))
    return Needs.LIBRARIES if finishes else COMMANDS[name].needs


def command(name: str) -> Command:
    """Imports a command.

    Args:
        name: a key of `COMMANDS`.
    """
    return cast(Command, import_module(f"vgpipe.commands.{COMMANDS[name].module or name}"))
