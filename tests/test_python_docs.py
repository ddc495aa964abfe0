"""Every example of docs/python.md runs, in order, with jobs that are small."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
SMALL = {"width": 32, "height": 32, "num_frames": 5}
SMALL_FOR_A_REAL_MODEL = {"width": 256, "height": 256, "num_frames": 9}


def small(function: Callable[..., Any], size: dict[str, int]) -> Callable[..., Any]:
    """Returns a function of the interface that gives clips a size where they are given none."""
    return lambda *given, clip=None, **more: function(*given, clip={**size, **(clip or {})}, **more)


def test_every_example_runs(workdir, monkeypatch, capsys):
    import vgpipe

    pytest.importorskip("pandas")
    (workdir / "prompts.yaml").write_text("prompts: [a small red circle, a blue square]\n")
    for name, clip in (("run", SMALL), ("plan", SMALL_FOR_A_REAL_MODEL)):
        monkeypatch.setattr(vgpipe, name, small(getattr(vgpipe, name), clip))
    program = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    names: dict[str, object] = {}
    exec(compile(program, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert "prompts[0] unknown key" in shown and "same ('the latents are bit-identical'" in shown
    assert "3 run.budget=0s is reached" in shown and "3 enough python -m vgpipe resume" in shown
    assert isinstance(names["run"], vgpipe.Run) and names["run"].ok and names["finished"].ok
