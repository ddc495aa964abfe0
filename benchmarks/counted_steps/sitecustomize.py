"""Counts the denoising steps of all processes that have this folder on PYTHONPATH: used by `worker_faults.py`.

Each step appends a line to the file that COUNTED_STEPS names: process, digest of the latents, number of the step. A
number that comes twice for the same latents is a step that was done again.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from dataclasses import replace

WATCHED = "vgpipe.stages.denoise"


def counted(run):
    """Wraps `denoise.run` so that it notes each step."""

    def wrapper(store, key, clip, *, hooks, **others):
        file = os.open(os.environ["COUNTED_STEPS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

        def on_step(done):
            os.write(file, f"{os.getpid()} {key.digest} {done}\n".encode())
            hooks.on_step(done)

        try:
            return run(store, key, clip, hooks=replace(hooks, on_step=on_step), **others)
        finally:
            os.close(file)

    return wrapper


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets the module load as it does, then wraps its function."""

    def find_spec(self, name, path=None, target=None):
        """Returns how the watched module is loaded; None for others."""
        if name != WATCHED:
            return None
        self.spec = importlib.machinery.PathFinder.find_spec(name, path)
        return importlib.util.spec_from_loader(name, self, origin=self.spec.origin)

    def exec_module(self, module):
        """Runs the module, and wraps its function."""
        module.__file__ = self.spec.origin
        self.spec.loader.exec_module(module)
        module.run = counted(module.run)


if "COUNTED_STEPS" in os.environ:
    sys.meta_path.insert(0, Finder())
