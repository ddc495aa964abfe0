"""Reading a whole job, and every fault that one can have."""

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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        # The file as a whole.
        ("- a\n- b\n", ["a.yaml:1: the file is a list", "put the list under `prompts:`"]),
        ("just text\n", ["single text"]),
        ("# only this\n", ["the file is empty"]),
        ("name: x\n", ["`prompts` is missing"]),
        ("prompt: [a]\n", ['unknown key "prompt"', "did you mean `prompts`"]),
        ("prompts:\n", ["no prompt in the file"]),
        ("prompts: []\n", ["no prompt in the file"]),
        ("prompts: {a: b}\n", ["prompts is not a list"]),
        ("prompts: [a]\nname: 3\n", ["a.yaml:2: name is 3 without quotes"]),
        ("prompts: [a]\nname: [b]\n", ["a.yaml:2: name is a list; allowed: a text"]),
        ("prompts: [a]\nprompts: [b]\n", ['a.yaml:2: the key "prompts" is already at line 1']),
        ("prompts: [a]\n1: x\n", ["a.yaml:2: this key was read as 1"]),
        ("prompts: [a]\n? [x]\n: y\n", ["this key was read as a list"]),
        # Defaults.
        ("defaults: [x]\nprompts: [a]\n", ["defaults is not a mapping"]),
        ("defaults: {prompt: x}\nprompts: [a]\n", ['unknown key "prompt"']),
        ("defaults:\n  widht: 3\nprompts: [a]\n", ["a.yaml:2: unknown key", "did you mean `width`"]),
        ("defaults: {seed: }\nprompts: [a]\n", ["seed is empty", "remove `seed`"]),
        ("defaults: {seed:}\nprompts: [a]\n", ["this `:` cannot stand here"]),
        # A prompt that YAML takes for something else.
        ("prompts:\n- no\n", ["a.yaml:2: the prompt is no without quotes", 'quote it: "no"']),
        ("prompts:\n- 42\n", ['quote it: "42"']),
        ("prompts:\n- 2026-01-01\n", ["a date", 'quote it: "2026-01-01"']),
        ("prompts:\n- A cat: asleep\n", ['quote the whole text: "A cat: asleep"']),
        ("prompts:\n- {colour}\n", ["quote the whole prompt"]),
        ("prompts:\n- ~\n", ["a.yaml:2: the prompt is ~ without quotes, which is nothing"]),
        ("prompts:\n- \n", ["a.yaml:2: the prompt is empty"]),
        ("prompts:\n- [a]\n", ["this prompt is a list"]),
        ("prompts:\n- prompt: yes\n", ['quote it: "yes"']),
        # Fields.
        ("prompts:\n- prompt: ' '\n", ["prompt is empty"]),
        ("prompts:\n- {seed: 3, fps: 8}\n", ["`prompt` is missing"]),
        ("prompts:\n- {promt: x, seed: 1}\n", ["did you mean `prompt`"]),
        ("prompts:\n- {<<: {seed: 1}, prompt: x}\n", ["merge keys", "under `defaults:`"]),
        ("prompts:\n- {prompt: x, seed: '3'}\n", ['seed is the text "3"', "remove the quotes: seed: 3"]),
        ("prompts:\n- {prompt: x, seed: true}\n", ["seed is true (a boolean)"]),
        ("prompts:\n- {prompt: x, seed: 1.5}\n", ["seed is 1.5"]),
        ("prompts:\n- {prompt: x, seed: -1}\n", ["must be at least 0"]),
        ("prompts:\n- {prompt: x, seed: 9223372036854775808}\n", ["use a smaller number"]),
        ("prompts:\n- {prompt: x, seeds: 4}\n", ["write seeds: [4], or seed: 4"]),
        ("prompts:\n- {prompt: x, seeds: []}\n", ["seeds is an empty list"]),
        ("prompts:\n- {prompt: x, seeds: [1, no]}\n", ["item 2 of seeds is false"]),
        ("prompts:\n- {prompt: x, seed: 1, seeds: [1]}\n", ["both seed and seeds"]),
        ("prompts:\n- {prompt: x, num_frames: 5, seconds: 1}\n", ["both num_frames and seconds"]),
        ("prompts:\n- {prompt: x, num_inference_steps: 1001}\n", ["must be at most 1,000"]),
        ("prompts:\n- {prompt: x, guidance_scale: .nan}\n", ["guidance_scale is nan"]),
        ("prompts:\n- {prompt: x, guidance_scale: 101}\n", ["must be at most 100"]),
        ("prompts:\n- {prompt: x, fps: 0}\n", ["from 0.1 to 240"]),
        ("prompts:\n- {prompt: x, fps: 241}\n", ["must be at most 240"]),
        ("prompts:\n- {prompt: x, id: 7}\n", ['quote it: "7"']),
        ("prompts:\n- {prompt: x, id: Ä}\n- {prompt: y, id: a\u0308}\n", ["a.yaml:3: the id", "at line 2"]),
        ('prompts:\n- "a\\0b"\n', ["a.yaml:2: prompt holds the character U+0000"]),
        ("prompts:\n- " + "x" * 20_001 + "\n", ["has 20,001 characters; at most 20,000"]),
        # Sizes.
        ("prompts:\n- {prompt: x, width: 60}\n", ["a.yaml:2: width is 60", "the nearest is width: 64"]),
        ("prompts:\n- {prompt: x, height: 2000}\n", ["multiples of 16 from 32 to 256", "height: 256"]),
        ("prompts:\n- {prompt: x, num_frames: 16}\n", ["1, 5, 9, ... 81 frames", "num_frames: 17"]),
        ("prompts:\n- {prompt: x, seconds: 60}\n", ["481 frames at 8 fps", "at most seconds: 10.125"]),
        # Matrices.
        ("prompts:\n- a {c} ball\n", ["there is no matrix", "write {{c}}"]),
        ("prompts:\n- prompt: a {colr}\n  matrix: {colour: [a]}\n", ["mean {colour}", "no text uses"]),
        ("prompts:\n- prompt: a\n  matrix: {colour: [a]}\n", ["a.yaml:3: no text uses", "write {colour}"]),
        ("prompts:\n- {prompt: '{c}', matrix: red}\n", ['matrix is "red"']),
        ("prompts:\n- {prompt: '{c}', matrix: }\n", ["matrix is empty"]),
        ("prompts:\n- {prompt: '{c}', matrix: {}}\n", ["matrix is empty"]),
        ("prompts:\n- {prompt: '{c}', matrix: [a]}\n", ["matrix is a list"]),
        ("prompts:\n- {prompt: '{c}', matrix: {c: red}}\n", ["write a list: [red]"]),
        ("prompts:\n- {prompt: '{c}', matrix: {c: []}}\n", ["not a list of texts"]),
        ("prompts:\n- {prompt: '{c}', matrix: {c: [no]}}\n", ['quote it: "no"']),
        ("prompts:\n- {prompt: '{c}', matrix: {c: [[a]]}}\n", ["is a list, not a text"]),
        ('prompts:\n- {prompt: "{c}", matrix: {c: ["\\a"]}}\n', ["U+0007"]),
        ("prompts:\n- {prompt: '{c}', matrix: {on: [a], c: [a]}}\n", ["this key was read as true"]),
        ("defaults: {negative_prompt: 'no {c}'}\nprompts: [a, b]\n", ["a.yaml:1: negative_prompt has"]),
        ("prompts:\n- {prompt: '{c}', matrix: {c: [' ']}}\n", ["the matrix makes an empty prompt"]),
    ],
)  # fmt: skip
def test_faults(faults_of, content: str, words: list[str]) -> None:
    found = "\n".join(faults_of(content))
    for word in words:
        assert word in found


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
