"""What vgpipe sets of the model libraries: their environment before they are imported, else their progress bars.

What a user has set stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

DEFAULTS = {
    # Progress bars of the libraries would disturb vgpipe's own; telemetry is never sent.
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # By default a waiting OpenMP thread spins. With any other load on the machine, vgpipe's own ffmpeg included, that
    # slows denoising many times over (benchmarks/busy_neighbour.py). Has no effect once torch is loaded.
    "OMP_WAIT_POLICY": "PASSIVE",
}


def set_library_environment() -> None:
    """Sets the environment variables that are not set yet."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


HUB = "huggingface_hub.utils"
"""Says whether transformers, imported after it, draws bars."""
WITH_BARS = ("transformers.utils.logging", "diffusers.utils.logging")


@contextmanager
def library_bars_hidden() -> Iterator[None]:
    """Hides the progress bars of libraries that the program has imported before, which read no environment now."""
    hub = sys.modules.get(HUB)
    shown = [one for name in WITH_BARS if (one := sys.modules.get(name)) and one.is_progress_bar_enabled()]
    hub_shows = hub is not None and not hub.are_progress_bars_disabled()
    for module in shown:
        module.disable_progress_bar()
    if hub is not None and hub_shows:
        hub.disable_progress_bars()
    try:
        yield
    finally:
        if hub is not None and hub_shows:
            hub.enable_progress_bars()
        for module in shown:
            module.enable_progress_bar()
