"""How many CPU threads denoise a small model best: more are often slower, since every operation waits for all.

A rehearsal decides, and only where it proves that the latents keep their bits. Decoding keeps all threads: the bits of
its convolutions do change with the thread count (seen with torch 2.13 on the embedded model).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

WORTHWHILE_CLIPS = 8
MAX_REHEARSAL_S = 5.0
REHEARSAL_STEPS = 8
CLEARLY_FASTER = 0.9


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Uses `count` CPU threads inside the block (None: as many as before); what it changes is changed back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fastest(rehearse: Callable[[], str]) -> int:
    """Finds the thread count that is clearly fastest among those that give the same bits as all threads.

    Args:
        rehearse: does a small but typical piece of work and returns a digest of its results.

    Returns:
        The thread count; the one in force where none is clearly better.
    """
    import torch

    everyone = torch.get_num_threads()
    rehearse()  # the first run also warms up
    reference, reference_s = _timed(rehearse)
    best, best_s = everyone, reference_s * CLEARLY_FASTER
    for count in sorted({1, everyone // 2} - {0, everyone}):
        with threads(count):
            digest, seconds = _timed(rehearse)
        if digest == reference and seconds < best_s:
            best, best_s = count, seconds
    if best != everyone:
        log.info("denoising with %d of %d threads: %.1f times as fast, same bits", best, everyone, reference_s / best_s)
    return best


def _timed(rehearse: Callable[[], str]) -> tuple[str, float]:
    started = time.monotonic()
    digest = rehearse()
    return digest, time.monotonic() - started
