"""Who hears how far a run is: the function of the caller, and bars where somebody looks at them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from vgpipe.executor.progress_state import ProgressListener, ProgressState
from vgpipe.runs.bars import TerminalBars


@contextmanager
def listening(on_progress: ProgressListener | None, show_progress: bool | None) -> Iterator[ProgressListener | None]:
    """Gives what a run reports its progress to, and takes the bars away at the end.

    Args:
        on_progress: the caller's function; one that raises is reported once and then left alone.
        show_progress: whether to draw bars; None: in a notebook.
    """
    if not (in_notebook() if show_progress is None else show_progress):
        yield on_progress
        return
    from tqdm.auto import tqdm  # widgets in a notebook, text elsewhere

    with TerminalBars(tqdm) as bars:

        def listener(state: ProgressState) -> None:
            bars(state)
            if on_progress is not None:
                on_progress(state)

        yield listener


def in_notebook() -> bool:
    """Says whether this process is the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
