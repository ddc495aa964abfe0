"""The child process of the doctor: answers questions by importing libraries, one JSON line per answer."""

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
    """Answers the questions of the command line in order, each in a line on stdout."""
    for question in sys.argv[1:]:
        answer = {"question": question} | _answer(question)
        # Starts a new line, because a library may have left half a line.
        sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")
        sys.stdout.flush()


def _answer(question: str) -> dict[str, Any]:
    kind, _, name = question.partition(":")
    try:
        return {"ok": True, "value": QUESTIONS[kind](name), "error": ""}
    except BaseException as error:  # whatever a library raises at import, SystemExit included, is the answer
        return {"ok": False, "value": None, "error": _one_line(error)}


def _one_line(error: BaseException) -> str:
    message = " ".join(str(error).split())
    # transformers and diffusers wrap the reason, which is the last exception of the chain.
    while error.__cause__ is not None:
        error = error.__cause__
        message = " ".join(str(error).split()) or message
    message = INSTALLED_AT.sub("", message)
    return f"{type(error).__name__}: {message}"[:300] if message else type(error).__name__


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
        printed = subprocess.run([named, "-version"], capture_output=True, text=True, check=True).stdout
        return {"exe": named, "version": printed.removeprefix("ffmpeg version ").partition(" ")[0]}
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
