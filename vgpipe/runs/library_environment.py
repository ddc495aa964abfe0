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


WITH_BARS = ("transformers.utils.logging", "diffusers.utils.logging")


@contextmanager
def library_bars_hidden() -> Iterator[None]:
    """Hides the progress bars of libraries that the program has imported before, which read no environment now."""
    modules = [sys.modules[name] for name in WITH_BARS if name in sys.modules]
    shown = [module for module in modules if module.is_progress_bar_enabled()]
    for module in shown:
        module.disable_progress_bar()
    try:
        yield
    finally:
        for module in shown:
            module.enable_progress_bar()
