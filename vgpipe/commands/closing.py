"""What the commands print when a run has ended."""

from __future__ import annotations

from vgpipe.runs.exit_codes import EXIT_STOPPED
from vgpipe.runs.result import RunResult
from vgpipe.runs.summary import summary
from vgpipe.terminal import OutputError, terminal_width, write_error, write_line, write_note
from vgpipe.typed import typed_path


def show(result: RunResult, label: str = "") -> int:
    """Prints the table of a run's clips, and how to finish a run that stopped.

    Where stdout or stderr cannot be written, the clips are done all the same.

    Args:
        result: how the run ended.
        label: which run of a sweep it is; empty for a single one.

    Returns:
        The exit code of the run.
    """
    if result.error is not None:  # the log has said so
        return result.exit_code
    try:
        write_line(summary(result, label=label, width=terminal_width()))
    except OutputError as error:
        if error.is_worth_telling:
            write_error(error)
    if result.exit_code == EXIT_STOPPED:
        remedy = f"finish it with: python -m vgpipe resume {typed_path(result.root)}"
        write_note(f"stopped ({result.stopped_by}); {remedy}")
    return result.exit_code
