"""Every example of docs/python.md runs, in order, with jobs that are small."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
SMALL = {"width": 32, "height": 32, "num_frames": 5}


def small(function: Callable[..., Any], changes: Mapping[str, object]) -> Callable[..., Any]:
    """Returns a function of the interface that gives clips a size where they are given none."""

    def called(*given: Any, clip: Mapping[str, object] | None = None, **more: Any) -> Any:
        signature(function).bind(*given, clip=clip, **more)
        return function(*given, clip={**SMALL, **(clip or {})}, **{**more, **changes})

    return called


def test_every_example_runs(workdir, monkeypatch, capsys):
    import vgpipe

    pytest.importorskip("pandas")
    (workdir / "prompts.yaml").write_text("prompts: [a small red circle, a blue square]\n")
    for name, changes in (("run", {}), ("plan", {"model": "shapes"})):  # a real model takes long to plan
        monkeypatch.setattr(vgpipe, name, small(getattr(vgpipe, name), changes))
    program = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE))
    names: dict[str, object] = {}
    exec(compile(program, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert "prompts[0] unknown key" in shown and "same ('the latents are bit-identical'" in shown
    assert "3 run.budget=0s is reached" in shown and "3 enough python -m vgpipe resume" in shown
    assert isinstance(names["run"], vgpipe.Run) and names["run"].ok and names["finished"].ok
