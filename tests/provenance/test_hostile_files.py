"""Files of strangers get one verdict each, at once (benchmarks/hostile_recipes.py runs the commands on 160 of them)."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from vgpipe.provenance.replay import replay_overrides
from vgpipe.provenance.verification import Answer, Verifier
from vgpipe.terminal import on_one_line

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in its folders")
UNASKED = ("/dev/z", "/dev/f", "/dev/r", "/dev/t", "/proc/", "/sys/", "/etc/")


@pytest.fixture(scope="module")
def kinds():
    path = Path(__file__).parents[2] / "benchmarks" / "hostile_recipe_kinds.py"
    spec = importlib.util.spec_from_file_location("hostile_recipe_kinds", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lures(kinds, tmp_path_factory):
    return kinds.bait(tmp_path_factory.mktemp("lures") / "bait")


@pytest.mark.parametrize("number", range(20))
def test_a_hostile_file_is_one_verdict(kinds, lures, number, tmp_path, monkeypatch):
    file = kinds.made(1, number, tmp_path, lures)
    opened, real = [], os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **more: opened.append(str(path)) or real(path, *rest, **more))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a connection"))
    verdict = Verifier(replay_overrides()).verdict(file)
    assert verdict.answer in (Answer.UNVERIFIABLE, Answer.DRIFTED) and verdict.reasons
    assert not [path for path in opened if path.startswith(UNASKED) or path.endswith(("pipe.png", "sparse.png"))]
    if verdict.answer is Answer.DRIFTED:
        assert all(reason == on_one_line(reason) for reason in verdict.reasons)
