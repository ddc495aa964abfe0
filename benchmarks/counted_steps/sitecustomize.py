"""Counts the denoising steps of all processes that have this folder on PYTHONPATH: used by `worker_faults.py`.

Where NO_SHARED_STORE is set, no node of a Ray cluster sees the driver's store.

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
from pathlib import Path

STAGE, NODES = "vgpipe.stages.denoise", "vgpipe.executor.workers.ray_nodes"


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


def change(module):
    """Wraps the functions of a module that has just been loaded."""
    if module.__name__ == STAGE:
        module.run = counted(module.run)
    elif "NO_SHARED_STORE" in os.environ:  # on one machine all nodes see all folders
        module.Nodes._probe = lambda *_: (Path("/nonexistent/probe"), "")


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets modules load as they do, then changes them."""

    def __init__(self, spec=None):
        self.spec = spec

    def find_spec(self, name, path=None, target=None):
        """Returns how a module that is changed is loaded; None for others."""
        if name not in (STAGE, NODES):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        return importlib.util.spec_from_loader(name, Finder(spec), origin=spec.origin)

    def exec_module(self, module):
        """Runs the module, and changes it."""
        module.__file__ = self.spec.origin
        self.spec.loader.exec_module(module)
        change(module)


if "COUNTED_STEPS" in os.environ:
    sys.meta_path.insert(0, Finder())
