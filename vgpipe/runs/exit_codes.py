"""The exit codes of the commands, and which of them a run has."""

from __future__ import annotations

from collections.abc import Iterable

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_STOPPED = 0, 1, 2, 3


def exit_code_of(states: Iterable[str]) -> int:
    """Returns 0 where all clips are done, or drafted, 3 where some were not reached and can be resumed, else 1.

    Args:
        states: of the clips, as clips.jsonl has them.
    """
    left = set(states) - {"done", "drafted"}
    if left - {"failed"}:
        return EXIT_STOPPED
    return EXIT_FAILED if left else EXIT_DONE
