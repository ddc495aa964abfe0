"""Names of files in the locale of the shell."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clips.test_clip_record import PLAIN
from vgpipe.errors import UsageError
from vgpipe.runs import names
from vgpipe.runs.names import refuse_names_that_differ_in_case, refuse_unwritable_names
from vgpipe.store.rundir import RunDir


def test_a_locale_without_the_letters_is_refused_before_anything_is_rendered(monkeypatch):
    german = replace(PLAIN, id="größer-a1b2c3d4")
    refuse_unwritable_names([PLAIN, german])
    monkeypatch.setattr(names.os, "fsencode", lambda text: text.encode("iso8859-5"))
    refuse_unwritable_names([PLAIN])
    with pytest.raises(UsageError, match=r"gr\\xf6\\xdfer-a1b2c3d4.*export PYTHONUTF8=1"):
        refuse_unwritable_names([PLAIN, german])


@pytest.mark.skipif(os.name != "posix", reason="locales are those of POSIX")
def test_in_a_locale_of_ascii_alone_python_starts_again_in_utf8():
    import subprocess

    ascii_only = {
        "LC_ALL": "C",
        "LANG": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    }
    program = (
        "import sys, vgpipe.cli as cli\n"
        "cli._dispatch = lambda *_: print(sys.getfilesystemencoding(), ascii(sys.argv[1])) or 0\n"
        "sys.exit(cli.main())"
    )
    environment = {**os.environ, **ascii_only, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run([sys.executable, "-c", program, "größer"], env=environment, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, b"utf-8 'gr\\xf6\\xdfer'\n"), ran.stderr


def test_names_that_differ_in_case_need_a_disk_that_tells_them_apart(tmp_path, monkeypatch):
    clips = [replace(PLAIN, name="A cat"), replace(PLAIN, id="y-1", name="a cat")]
    with RunDir(tmp_path) as run_dir:
        assert run_dir.folds_case() == (tmp_path / ".LOCK").exists()
        monkeypatch.setattr(RunDir, "folds_case", lambda self: False)
        refuse_names_that_differ_in_case(run_dir, clips)
        monkeypatch.setattr(RunDir, "folds_case", lambda self: True)
        refuse_names_that_differ_in_case(run_dir, clips[:1])
        with pytest.raises(UsageError, match=r"'A cat' and 'a cat' for one name; nothing was started -> add \{id\}"):
            refuse_names_that_differ_in_case(run_dir, clips)
