"""Faults inside a run of `night.py`: in every process that has this folder on PYTHONPATH, by the seed of a clip.

NIGHT_FAULTS is JSON: fault -> seed. `bad`, `nan` and `black` strike whenever their clip is made, the others once.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import time
from pathlib import Path

STAGES = ("vgpipe.stages.denoise", "vgpipe.stages.decode")
SEEDS = json.loads(os.environ.get("NIGHT_FAULTS", "{}"))
HANGS_AT_MOST_S = 400.0


class Changed:
    """A model family that gives other values."""

    def __init__(self, family, **changes):
        self._family, self._changes = family, changes

    def __getattr__(self, name):
        """Returns what the family has, its result changed where that was asked for."""
        found = getattr(self._family, name)
        change = self._changes.get(name)
        return found if change is None else lambda *given, **named: change(found(*given, **named))


def is_first(fault):
    """Says whether a fault strikes for the first time, whatever process asks."""
    try:
        os.close(os.open(f"struck-{fault}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def hang():
    """Waits until the run has noticed."""
    end_s = time.monotonic() + HANGS_AT_MOST_S
    events = Path("run/events.jsonl")
    while time.monotonic() < end_s and '"stalled"' not in events.read_text("utf-8", "replace"):
        time.sleep(0.5)
    time.sleep(2)


def disturbed(run):
    """Wraps a stage."""

    def wrapper(store, key, clip, *, family, **others):
        fault = next((name for name, seed in SEEDS.items() if seed == clip.seed), "")
        is_denoise = run.__module__ == STAGES[0]
        if is_denoise and fault == "bad":
            raise IndexError("index 77 is out of range for this prompt")
        if is_denoise and fault == "nan":
            family = Changed(family, denoise=lambda latents: latents * float("nan"))
        if not is_denoise and fault == "black":
            family = Changed(family, decode=lambda frames: frames * 0)
        if is_denoise and fault == "oom" and is_first(fault):
            import torch

            torch.empty(1 << 60, dtype=torch.uint8)
        if is_denoise and fault == "stalled" and is_first(fault):
            hang()
        return run(store, key, clip, family=family, **others)

    wrapper.__module__ = run.__module__
    return wrapper


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets modules load as they do, then changes them."""

    def __init__(self, spec=None):
        self.spec = spec

    def find_spec(self, name, path=None, target=None):
        """Returns how a module that is changed is loaded; None for others."""
        if name not in STAGES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        return importlib.util.spec_from_loader(name, Finder(spec), origin=spec.origin)

    def exec_module(self, module):
        """Runs the module, and changes it."""
        module.__file__ = self.spec.origin
        self.spec.loader.exec_module(module)
        module.run = disturbed(module.run)


if SEEDS:
    sys.meta_path.insert(0, Finder())
