"""Tables and text as people and pipes get them."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vgpipe.terminal import (
    escaped,
    folded,
    indented,
    is_confirmed,
    markdown_table,
    on_one_line,
    table,
    terminal_width,
    write,
    write_error,
    write_note,
)

PATH = f"videos/{'x' * 200}.mp4"
ROWS = [("clip", "seconds", "file"), ("a[red]b", "1.20", PATH), ("c", "10.10", "an error of many words " * 8)]


def test_piped_rows_are_one_line_each_and_paths_are_whole():
    head, first, second = table(ROWS, right=(1,))
    assert head.split() == ["clip", "seconds", "file"]
    assert first == f"a[red]b     1.20  {PATH}"
    assert second.startswith("c          10.10  an error") and not second.endswith(" ")


def test_on_a_terminal_the_last_column_is_wrapped_between_words():
    lines = table(ROWS, right=(1,), width=80)
    assert len(lines) > 3 and any(line.endswith(PATH) for line in lines)
    assert all(len(line) <= 80 for line in lines if PATH not in line)


def test_a_narrow_terminal_wraps_nothing():
    assert table(ROWS, width=40) == table(ROWS)


def test_wide_characters_take_two_columns():
    _, first, second = table([("name", "state"), ("猫", "done"), ("cats", "done")])
    assert first == "猫    done" and second == "cats  done"


def test_markdown():
    assert markdown_table([("model", "fits"), ("a", "yes")]) == [
        "| model | fits |",
        "|-------|------|",
        "| a     | yes  |",
    ]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_an_encoding_lacks_is_escaped(monkeypatch, encoding):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    write("кот\n")
    write_error("\udcff")
    for stream in (out, err):
        stream.flush()
    assert out.buffer.getvalue() == ("кот\n".encode() if encoding == "utf-8" else b"\\u043a\\u043e\\u0442\n")
    assert err.buffer.getvalue() == b"vgpipe: \\udcff\n"


def test_a_pipe_has_no_width(capsys):
    assert terminal_width() is None


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short -> remedy", ["short -> remedy"]),
        ("one two three four five six", ["one two three", "  four five six"]),
        ("  one two three four -> five", ["  one two three", "    four", "    -> five"]),
        ("one two three -> python -m vgpipe job=jobs.yaml", ["one two three", "  -> python -m vgpipe job=jobs.yaml"]),
        ("finish it: python -m vgpipe resume run", ["finish it:", "  python -m vgpipe resume run"]),
        ("first\n/a/path/that/is/too/long", ["first", "/a/path/that/is/too/long"]),
    ],
)
def test_long_lines_are_broken_between_words_and_commands_are_not(text, lines):
    assert folded(text, 16).split("\n") == lines


FORGED = "cpu\x1b[2J\x9b1m\r\x07\u202eGPU\u2066\udc9b\x7f\u2028\u0085"
SHOWN = r"cpu\u001b[2J\u009b1m\u000d\u0007\u202eGPU\u2066\udc9b\u007f\u2028\u0085"


def test_what_a_terminal_would_obey_is_shown_instead(capsys, monkeypatch):
    write(f"{FORGED}\n")
    write_error(FORGED)
    monkeypatch.setattr(sys, "stdin", io.StringIO("Yes\n"))
    assert is_confirmed(FORGED) and not is_confirmed(FORGED)  # then there is no answer
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n" and err == f"vgpipe: {SHOWN}\n" + f"{SHOWN} [y/N] " * 2


def test_json_stays_json(capsys):
    write(json.dumps({"device": FORGED}, ensure_ascii=False))
    assert json.loads(capsys.readouterr().out) == {"device": FORGED}


def test_texts_in_any_script_stay():
    text = "кот 猫 שלום \u200dé\u0301 👩\u200d🚀\n\tnext"
    assert escaped(text) == text


def test_a_text_of_a_stranger_makes_no_line_of_its_own():
    assert on_one_line("cpu\nsame  x.mp4\t") == r"cpu\nsame  x.mp4\t"
    assert indented("cpu\nsame\x1b") == "cpu\n    same\\u001b"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
@pytest.mark.parametrize("place", ["a pipe without a reader", "/dev/full"])
def test_a_stderr_that_fails_is_told_once_and_discarded(monkeypatch, caplog, place):
    if place == "/dev/full":
        writing = os.open(place, os.O_WRONLY)
    else:
        reading, writing = os.pipe()
        os.close(reading)
    with open(writing, "w") as stream, caplog.at_level(logging.WARNING):
        monkeypatch.setattr(sys, "stderr", stream)
        for number in range(3):
            write_note(f"line {number}")
    assert [record.message.partition(" (")[0] for record in caplog.records] == ["stderr cannot be written any more"]


def test_without_stderr_nothing_is_written(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    write_note("nobody reads this")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_streams_closed_at_the_start_are_no_files_of_others(tmp_path):
    program = (
        "from vgpipe.terminal import open_missing_streams\n"
        "missing = open_missing_streams()\n"
        "with open('data', 'w') as data:\n"
        "    data.write(f'{data.fileno() > 2} {missing}')\n"
        "    print('to stdout', flush=True)\n"
    )
    line = f'{sys.executable} -c "{program}" <&- >&- 2>&-'
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    assert subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environment, check=False).returncode == 0
    assert (tmp_path / "data").read_text() == "True ['stdin', 'stdout', 'stderr']"
