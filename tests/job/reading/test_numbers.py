"""Numbers as spreadsheets write them."""

import pytest

from vgpipe.job.reading.numbers import advice


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("4,5", "write 4.5, with a decimal point"),
        (" -0,25 ", "write -0.25, with a decimal point"),
        ("1,2E+3", "write 1.2E+3, with a decimal point"),
        ("1,000", "write 1000, or 1.000 if the comma is a decimal one"),
        ("1,234,567", "write 1234567"),
        ("1.234.567", "write 1234567"),
        ("1'234'567", "write 1234567"),
        ("12\u00a0345\u00a0678", "write 12345678"),
        ("1,2,3", ""),
        ("four", ""),
        ("4.5", ""),
    ],
)
def test_advice(text: str, told: str) -> None:
    assert advice(text) == told


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "prompt;guidance_scale;fps\nx;4,5;8\n"),
        ("a.csv", 'prompt,guidance_scale\nx,"4,5"\n'),
        ("a.tsv", "prompt\tguidance_scale\nx\t4,5\n"),
    ],
)
def test_a_decimal_comma_of_a_table_is_read_and_told(clips_of, name: str, text: str) -> None:
    made = clips_of(text, name)
    assert made.clips[0].guidance_scale == 4.5
    assert made.notes == (f"{name}:2: guidance_scale is 4,5, read as 4.5",)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "prompt;num_frames\nx;1,000\n", "write 1000, or 1.000"),
        ("a.csv", "prompt;seed\nx;1,23457E+14\n", "a spreadsheet has rounded it"),
        ("a.csv", "prompt;seed\nx;1.234.567\n", "write 1234567"),
        ("a.csv", "prompt;seed\nx;4,5\n", "seed is 4.5"),
        ("a.yaml", "prompts:\n- {prompt: x, guidance_scale: '4,5'}\n", "write 4.5"),
        ("a.jsonl", '{"prompt": "x", "guidance_scale": "4,5"}', "write 4.5"),
    ],
)
def test_what_may_be_meant_otherwise_is_refused(faults_of, name: str, text: str, words: str) -> None:
    assert words in faults_of(text, name)[0]
