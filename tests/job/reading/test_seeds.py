"""Seeds that a spreadsheet has rounded, and the whole range of those that torch takes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.job.reading.seeds import looks_rounded, rounded

REMEDY = "write all of its digits; in a spreadsheet, format the column as text"
LARGEST = 2**64 - 1


@pytest.mark.parametrize("typed", ["1.23457E+14", "1E+15", "2e9", "1.8446744e+19"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "prompt,seed\nx,{}\n"),
        ("a.csv", "prompt,seeds\nx,3 {}\n"),
        ("a.yaml", "prompts:\n- {{prompt: x, seed: {}}}\n"),
        ("a.yaml", "defaults:\n  seeds: [1, {}]\nprompts: [x]\n"),
        ("a.jsonl", '"y"\n{{"prompt": "x", "seed": {}}}\n'),
    ],
)
def test_a_seed_with_an_exponent_is_refused_at_its_line(faults_of, name: str, text: str, typed: str) -> None:
    (fault,) = faults_of(text.format(typed), name)
    assert fault.startswith(f"{name}:2: seed") and f"is {typed}: a spreadsheet has rounded it" in fault
    assert REMEDY in fault


def test_a_number_of_a_program_that_cannot_be_exact_is_refused(faults_of) -> None:
    assert "a spreadsheet has rounded it" in faults_of('{"prompt": "x", "seed": 123457000000000.0}', "a.jsonl")[0]
    assert "lost digits" in faults_of('{"prompt": "x", "seed": 9999999999999999999.0}', "a.jsonl")[0]


@pytest.mark.parametrize("seed", [0, 3, 2**53 + 1, 2**63, LARGEST])
def test_every_seed_that_torch_takes_is_read(clips_of, seed: int) -> None:
    texts = {
        "a.csv": f"prompt,seed\nx,{seed}\n",
        "a.yaml": f"prompts:\n- {{prompt: x, seeds: [{seed}]}}\n",
        "a.jsonl": json.dumps({"prompt": "x", "seed": seed}),
    }
    for name, text in texts.items():
        assert [clip.seed for clip in clips_of(text, name).clips] == [seed]
    assert clips_of("prompts: [x]\n", seed=seed).clips[0].seed == seed


def test_whole_numbers_of_a_spreadsheet_and_of_pandas_are_read(clips_of) -> None:
    assert [clip.seed for clip in clips_of("prompt,seed\nx,3.0\ny,123456789012.0\n", "a.csv").clips] == [
        3,
        123456789012,
    ]


def test_digits_that_end_in_zeros_are_noted_with_their_line(clips_of) -> None:
    made = clips_of("prompt,seed\nx,1234567890123450000\ny,123457000000000\nz,1000\n", "a.csv")
    assert made.notes == (
        "a.csv:2: the seed 1234567890123450000 ends in zeros: check that no spreadsheet rounded it",
        "a.csv:3: the seed 123457000000000 ends in zeros: check that no spreadsheet rounded it",
    )


@given(st.integers(10**11, LARGEST))
def test_what_a_spreadsheet_makes_of_a_seed_is_found(seed: int) -> None:
    shown = f"{seed:.5E}"
    assert rounded(float(shown), shown)
    kept = int(f"{seed:.14e}".replace(".", "").partition("e")[0]) * 10 ** max(0, len(str(seed)) - 15)
    assert looks_rounded(kept) or kept == seed or len(str(kept)) <= 15


def test_seeds_of_which_torch_reads_the_same_bits_are_noted(clips_of) -> None:
    import torch

    made = clips_of("prompts:\n- {prompt: x, seeds: [5, 4294967301, 7]}\n")
    assert made.notes == ("the seeds 5 and 4294967301 give the same noise: torch reads the last 32 bits",)
    noise = [torch.randn(8, generator=torch.Generator().manual_seed(clip.seed)) for clip in made.clips]
    assert noise[0].equal(noise[1]) and not noise[0].equal(noise[2])
