"""The interpreter that tries things: imports what it is asked for and writes one JSON line an answer."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from vgpipe.doctor.probes import MARK

INSTALLED_AT = re.compile(r"[^\s('\"]*site-packages[/\\]")


def main() -> None:
    """Answers the questions of the command line, one after the other, each in a line on stdout."""
    for question in sys.argv[1:]:
        said = {"question": question} | _answer(question)
        # A line of its own even where a library has left half a line.
        sys.stdout.write(f"\n{MARK}{json.dumps(said)}\n")
        sys.stdout.flush()


def _answer(question: str) -> dict[str, Any]:
    kind, _, name = question.partition(":")
    try:
        return {"ok": True, "value": QUESTIONS[kind](name), "error": ""}
    except BaseException as error:  # whatever a library throws at import, SystemExit included, is the answer
        return {"ok": False, "value": None, "error": _one_line(error)}


def _one_line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    # transformers and diffusers wrap the reason; it is the last exception of the chain that says it.
    while error.__cause__ is not None:
        error = error.__cause__
        said = " ".join(str(error).split()) or said
    said = INSTALLED_AT.sub("", said)
    return f"{type(error).__name__}: {said}"[:300] if said else type(error).__name__


def _import(name: str) -> str:
    module = importlib.import_module(name)
    return str(getattr(module, "__version__", ""))


def _pipeline(name: str) -> str:
    import diffusers

    found = getattr(diffusers, name)
    if ".dummy_" in found.__module__:
        raise ImportError(f"diffusers has only a placeholder of {name}: torch or transformers does not work")
    return str(found.__module__)


def _torch(_: str) -> dict[str, Any]:
    from vgpipe.doctor.torch_facts import torch_facts

    return torch_facts()


def _machine(_: str) -> dict[str, Any]:
    from vgpipe.doctor.machine import machine_facts

    return machine_facts()


def _memory(_: str) -> dict[str, int | None]:
    from vgpipe.doctor.machine import memory_facts

    return memory_facts()


def _ffmpeg(_: str) -> dict[str, str]:
    named = os.environ.get("VGPIPE_FFMPEG")
    if named:
        told = subprocess.run([named, "-version"], capture_output=True, text=True, check=True).stdout
        return {"exe": named, "version": told.removeprefix("ffmpeg version ").partition(" ")[0]}
    import imageio_ffmpeg

    exe = imageio_ffmpeg.get_ffmpeg_exe()
    return {"exe": exe, "version": imageio_ffmpeg.get_ffmpeg_version()}


QUESTIONS: dict[str, Callable[[str], Any]] = {
    "import": _import,
    "pipeline": _pipeline,
    "torch": _torch,
    "machine": _machine,
    "memory": _memory,
    "ffmpeg": _ffmpeg,
}
