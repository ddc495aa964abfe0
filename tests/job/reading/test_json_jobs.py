"""Jobs as JSON: lines, and one document."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.job.faults import Faults
from vgpipe.job.reading.json_jobs import read_json, read_jsonl
from vgpipe.job.reading.nodes import plain
from vgpipe.job.reading.parse import read_job


def test_jsonl_takes_texts_and_objects(write) -> None:
    text = '"a cat"\n\n{"prompt": "a dog\u2028", "seed": 8.0, "fps": null, "matrix": null}\n'
    job = read_job(write(text, "a.jsonl"))
    assert [(entry.line, entry.prompt) for entry in job.entries] == [(1, "a cat"), (3, "a dog")]
    assert job.entries[1].settings.values == {"seed": 8}


def test_jsonl_faults_name_their_lines(faults_of) -> None:
    lines = [
        "{nope}",
        '{"prompt": "x", "seed": "3"}',
        '{"prompt": "x", "prompt": "y"}',
        '"\\ud800 lone"',
        '"nul \\u0000"',
        "[" * 100_000,
        "[" * 20 + "]" * 20,
        '{"prompt": "x", "seed": ' + "9" * 5000 + "}",
        '{"prompt": "x", "fps": NaN}',
        "3",
        "null",
        '{"rating": "a cat"}',
        '{"prompt": "x", "seed": ' + "9" * 100 + "}",
        '{"prompt": "x", "guidance_scale": 1e999}',
        '{"prompt": null}',
    ]
    found = faults_of("\n".join(lines), "a.jsonl")
    assert [int(fault.split(":")[1]) for fault in found] == list(range(1, len(lines) + 1))
    assert "not valid JSON at column 2" in found[0]
    assert "U+D800" in found[3] and "U+0000" in found[4]
    assert "`prompt` is missing" in found[11]


def test_a_document_is_a_list_or_a_mapping_and_each_prompt_has_its_line(write) -> None:
    job = read_job(write('[\n"a cat",\n\n  {"prompt": "a dog",\n   "seed": 8.0, "fps": null}]\n', "a.json"))
    assert [(entry.line, entry.prompt) for entry in job.entries] == [(2, "a cat"), (4, "a dog")]
    assert job.entries[1].settings.values == {"seed": 8}
    text = '{"name": "Night",\n"defaults": {"seed": 3},\n"prompts": [\n"x",\n{"prompt": "y \\ud83d\\ude00"}]}'
    job = read_job(write(text, "b.json"))
    assert (job.title, job.defaults.values, job.defaults.lines) == ("Night", {"seed": 3}, {"seed": 2})
    assert [(entry.line, entry.prompt) for entry in job.entries] == [(4, "x"), (5, "y \U0001f600")]


def test_one_object_is_one_prompt(clips_of) -> None:
    assert clips_of('{"text": "x", "steps": 3}', "a.json").clips[0].num_inference_steps == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["a",\n "b"\n "c"]', ["a.json:3: not valid JSON at column 2", "comma"]),
        ("['a']", ["a.json:1: not valid JSON"]),
        ('{"prompt": "a"}\n{"prompt": "b"}', ["a.json:2: not valid JSON", "rename it"]),
        ('["a",\n null, 3]', ["a.json:2: the prompt is", "a.json:2: the prompt is 3"]),
        ('[{"prompt": "a"},\n{"prompt": "b", "seed": "3"}]', ["a.json:2: seed is", "remove the quotes"]),
        ("[" * 100_000, ["nested more than 16 deep"]),
        ('[{"prompt": "a", "matrix": ' + "[" * 20 + "]" * 20 + "}]", ["nested more than 16 deep"]),
        ("[" + "9" * 5000 + "]", ["shorten the number"]),
        ("[]", ["there is no prompt"]),
        ("{}", ["`prompts` is missing"]),
        ('"a cat"', ["single text"]),
        ('["a"', ["not valid JSON"]),
        ('{"3": {"class_type": "KSampler"}}', ["unknown key", "`prompts` is missing"]),
    ],
)
def test_faults_of_a_document_have_their_lines(faults_of, text: str, words: list[str]) -> None:
    found = "\n".join(faults_of(text, "a.json"))
    for word in words:
        assert word in found


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100)
@given(VALUES, st.sampled_from([None, 1, "\t"]))
def test_a_document_is_read_as_json_reads_it(value: object, indent: int | str | None) -> None:
    text = json.dumps(value, indent=indent)
    assert plain(read_json(text, faults := Faults("a.json"))) == json.loads(text) and not len(faults)
    if indent is None:
        assert plain(read_jsonl(text, faults)) == [json.loads(text)]
