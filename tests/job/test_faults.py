"""Faults are collected, ordered, counted and safe to print."""

import pytest

from vgpipe.errors import JobError
from vgpipe.job.faults import Faults, format_text, format_value, nearest
from vgpipe.job.reading.parse import read_job


def test_every_fault_is_reported_at_once_in_the_order_of_lines(faults_of) -> None:
    found = faults_of(
        "nam: x\nprompts:\n  - no\n  - prompt: a {c} ball\n    seed: '3'\n    width: 60\n  - {prompt: '', fps: 0}\n"
    )
    assert [fault.split(": ")[0] for fault in found] == [f"a.yaml:{n}" for n in (1, 3, 4, 5, 6, 7, 7)]


def test_many_faults_are_counted_not_shown(write) -> None:
    with pytest.raises(JobError) as caught:
        read_job(write("prompts:\n" + "  - {prompt: x, sed: 1}\n" * 60))
    assert "60 faults in a.yaml" in caught.value.headline
    assert str(caught.value.faults[-1]) == "a.yaml: and 10 more"
    assert len(caught.value.faults) == 51


def test_a_message_holds_nothing_a_terminal_would_obey(write) -> None:
    text = '{"prompt": "x", "\\u001b[2J\\ud800\\u202e": 1, "seed": "' + "\\u001b" * 100 + '"}'
    with pytest.raises(JobError) as caught:
        read_job(write(text, "a.jsonl"))
    assert all(line.isprintable() for line in str(caught.value).split("\n"))
    assert len(str(caught.value)) < 1500


def test_a_fault_is_kept_once() -> None:
    faults = Faults("a.yaml")
    for _ in range(2):
        faults.add(3, "seed is -1", "must be at least 0")
        faults.add_at("clip.seed", "seed is -1")
    assert len(faults) == 2 and faults.is_at("clip.seed") and not faults.is_at("clip.fps")
    assert [str(fault) for fault in faults.error().faults] == [
        "clip.seed: seed is -1", "a.yaml:3: seed is -1 -> must be at least 0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", '"a"'), (None, "empty"), (True, "true"), ({}, "a mapping"), ([], "a list"), (1.5, "1.5"),
     (10**100, "a number of more than 77 digits"), ("x" * 61, '"' + "x" * 57 + '..."'), ("\x1b[2J", '"\\x1b[2J"')],
)  # fmt: skip
def test_values_are_short_and_printable(value, text: str) -> None:
    assert format_value(value) == text
    assert not isinstance(value, str) or format_text(value) == text[1:-1]


def test_the_nearest_word_ignores_case_hyphens_and_spaces() -> None:
    assert nearest("Num-Frames", ["num_frames", "seed"]) == "num_frames" and nearest("zzz", ["seed"]) is None
