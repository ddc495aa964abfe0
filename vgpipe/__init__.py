"""vgpipe: a batch pipeline runner for text-to-video diffusion on consumer hardware.

The names below are its Python interface (docs/python.md). They are imported when they are first used, since importing
vgpipe must cost a command nothing; `__init__.pyi` declares them for type checkers.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "CancelToken": "vgpipe.executor.cancel_token",
    "ClipResult": "vgpipe.api.results",
    "KeptModels": "vgpipe.executor.kept_models",
    "Plan": "vgpipe.api.planning",
    "ProgressState": "vgpipe.executor.progress_state",
    "Run": "vgpipe.api.results",
    "RunInterrupted": "vgpipe.api.running",
    "Verdict": "vgpipe.provenance.verification",
    "VgpipeError": "vgpipe.errors",
    "WorkerNow": "vgpipe.executor.progress_state",
    "continue_run": "vgpipe.api.running",
    "options": "vgpipe.api.choices",
    "plan": "vgpipe.api.planning",
    "read_run": "vgpipe.api.results",
    "resume": "vgpipe.api.running",
    "run": "vgpipe.api.running",
    "verify": "vgpipe.api.verifying",
}
__all__ = ["__version__", "errors", *_HOMES]


def __getattr__(name: str) -> object:
    if name == "errors":
        return import_module("vgpipe.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'vgpipe' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
