"""Reading a whole job, from any bytes."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vgpipe.errors import JobError
from vgpipe.job.reading.parse import read_job
from vgpipe.job.record import Job


def test_a_job_keeps_what_was_written_and_where(write) -> None:
    text = (
        "name: Night № 1\n"
        "defaults: {fps: 8, seeds: [1, 2]}\n"
        "prompts:\n"
        "  - a red circle\n"
        "  - prompt: a {c} square\n"
        "    id: sq-{c}\n"
        "    seed: 3.0\n"
        "    matrix: {c: [red, 1.50]}\n"
    )
    job = read_job(write(text))
    assert (job.source, job.name, job.title) == ("a.yaml", "night-1", "Night № 1")
    assert job.defaults.values == {"fps": 8.0, "seeds": [1, 2]}
    plain, rich = job.entries
    assert (plain.line, plain.prompt, plain.id, dict(plain.matrix)) == (4, "a red circle", None, {})
    assert (rich.line, rich.id, rich.matrix) == (5, "sq-{c}", {"c": ("red", "1.50")})
    assert (rich.settings.values, rich.settings.lines) == ({"seed": 3}, {"seed": 7})


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(["a.yaml", "a.txt", "a.csv", "a.jsonl"]))
def test_any_bytes_give_a_job_or_a_job_error(write, content: bytes, name: str) -> None:
    _job_or_error(write(content, name))


@pytest.mark.parametrize("name", ["a.yaml", "a.txt", "a.csv", "a.jsonl"])
def test_a_damaged_job_gives_a_job_or_a_job_error(write, name: str) -> None:
    good = {
        "a.yaml": b"name: x\ndefaults: {seed: 3}\nprompts:\n- 'a'\n- {prompt: '{c}', matrix: {c: [a, 1]}}\n",
        "a.txt": b"a cat\n# b\na {dog}\n",
        "a.csv": b'prompt,seed,seeds\n"a, b",3,\nx,,1 2\n',
        "a.jsonl": b'"a"\n{"prompt": "{c}", "matrix": {"c": ["x", 1]}, "seeds": [1, 2]}\n',
    }[name]
    chance = random.Random(0)
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.choice(b"\x00\t\n:[]{}'\"&*!-#,\xff\xc3 0aZ")
        _job_or_error(write(bytes(damaged), name))


def _job_or_error(path) -> None:
    try:
        assert isinstance(read_job(path), Job)
    except JobError as error:
        assert error.faults
