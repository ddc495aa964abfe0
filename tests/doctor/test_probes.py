"""Asking another interpreter: crashes, hangs, and libraries that write where they should not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vgpipe.doctor import probes
from vgpipe.doctor.probes import ask


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes modules that the child can import."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def write(**sources: str) -> None:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source)

    return write


def test_it_answers_with_version_and_error(module):
    module(fine="__version__ = '1.2'", bad="raise ValueError('two\\nlines')")
    answers = ask(["import:fine", "import:bad", "import:nowhere_to_be_found"])
    assert answers["import:fine"].ok and answers["import:fine"].value == "1.2"
    assert answers["import:bad"].error == "ValueError: two lines"
    assert "No module named 'nowhere_to_be_found'" in answers["import:nowhere_to_be_found"].error


def test_a_crash_takes_only_its_own_question(module):
    module(kills="import os; os._exit(9)", fine="", leaves="raise SystemExit(3)")
    answers = ask(["import:fine", "import:kills", "import:leaves", "import:json"])
    assert [answer.ok for answer in answers.values()].count(True) == 2
    assert answers["import:kills"].error == "ends the interpreter (exit code 9)"
    assert answers["import:leaves"].error == "SystemExit: 3"


def test_a_chain_ends_with_its_first_link(module):
    module(kills="import os; os._exit(9)")
    answers = ask(["import:kills", "import:json"], chain=True)
    assert answers["import:json"].skipped and "kills does not work" in answers["import:json"].error


def test_a_library_that_hangs_costs_its_limit_and_no_more(module):
    module(hangs="import time; time.sleep(60)")
    answers = ask(["import:json", "import:hangs"], limit_s=1.5)
    assert answers["import:json"].ok and "no answer within" in answers["import:hangs"].error


def test_what_a_library_prints_does_not_disturb(module):
    module(loud="import sys; print('@@vgpipe {torn'); sys.stdout.write('half a line')")
    assert ask(["import:loud"])["import:loud"].ok


def test_the_reason_behind_a_wrapped_error_is_told(module):
    module(
        wraps="try:\n    import nothing_here\nexcept ImportError as error:\n    raise RuntimeError('Failed') from error"
    )
    assert "nothing_here" in ask(["import:wraps"])["import:wraps"].error


def test_an_error_is_told_without_the_place_of_the_library(module):
    module(places="raise ImportError(\"no x in 'y' (/home/a/lib/site-packages/y/__init__.py)\")")
    assert ask(["import:places"])["import:places"].error == "ImportError: no x in 'y' (y/__init__.py)"


def test_the_child_sees_what_this_interpreter_sees(tmp_path):
    (tmp_path / "only_here.py").write_text("__version__ = '7'")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from vgpipe.doctor.probes import ask;"
        "print(ask(['import:only_here']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.sep, check=False)
    assert "value='7'" in ran.stdout, ran.stderr


def test_torn_answers_are_passed_over():
    assert probes._parse(f'x{probes.MARK}{{"question": "a", "ok": tr') == {}
