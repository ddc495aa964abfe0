"""YAML text to nodes, hostile text included."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.errors import JobError
from vgpipe.job.faults import Faults
from vgpipe.job.reading.nodes import plain
from vgpipe.job.reading.validate import build_job
from vgpipe.job.reading.yaml_jobs import read_yaml
from vgpipe.job.record import Job

YAML_PIECES = st.sampled_from(
    [
        *("prompts:", "defaults:", "name:", "seed", "seeds", "matrix", "prompt: ", "id: ", "width: "),
        *("\n", "\n  ", "\n- ", ": ", ", ", "? ", "[", "]", "{", "}", "{c}", "&a ", "*a", "!!str ", "!x "),
        *(
            "'",
            '"',
            "|",
            ">",
            "#",
            "<<",
            "---",
            "\t",
            "\\",
            "%",
            "@",
            "\x00",
            "\u2028",
            "é",
            "1",
            "1.5",
            "no",
            "x",
        ),
    ]
)


def tree(text: str) -> object:
    faults = Faults("a.yaml")
    node = read_yaml(text, faults)
    faults.raise_any()
    return plain(node)


def job_or_error(text: str) -> Job | JobError:
    faults = Faults("a.yaml")
    try:
        return build_job(read_yaml(text, faults), "a", faults)
    except JobError as error:
        return error


def test_values_and_aliases() -> None:
    text = "a: &x [1, 'no', no]\nb: *x\nc: !!str 3\nd: >\n  two\n  lines\n"
    assert tree(text) == {"a": [1, "no", False], "b": [1, "no", False], "c": "3", "d": "two lines\n"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prompts:\n  - a: b: c\n", r"a.yaml:2: .*column 9: this `: ` cannot stand here"),
        ("prompts:\n\t- a\n", r"a.yaml:2: .*a tab is used as indentation.*use spaces"),
        ("- {red} circle\n", r"a.yaml:1: .*text continues after a closing quote or bracket.*quotes"),
        ("- 'it's'\n", r"text continues after a closing quote"),
        ("\na: [1, 2\n", r"a.yaml:2: .*column 4: a bracket opened here is not closed"),
        ("\na: 'x\nb: c", r"a.yaml:2: .*column 4: the quote opened here is never closed"),
        ("- @x\n", r"a text cannot start with @ unquoted"),
        ("- *a b\n", r"quotes"),
        ('- "a\\q"\n', r"this backslash starts no known escape"),
        ("prompts:\n  - x\n - y\n", r"a.yaml:3: .*not aligned"),
        ("a\n\x00b", r"a.yaml:2: the character U\+0000 is not allowed -> remove it"),
        ("a: *b", r"refers to an anchor.*quote it"),
        ("a: &b [*b]", r"refers to an anchor"),
        ("a: 1\n---\nb: 2", r"a.yaml:2: a second document"),
        ("- !!python/object/apply:os.system [ls]", r"the YAML tag .* is not allowed"),
        ("- !wow x", r"quote the text: \"!wow x\""),
        ("%YAML 9.9\n---\na", r"not valid YAML"),
        ("&x : *x\n", r"a.yaml"),
    ],
)
def test_syntax_in_plain_words(text: str, words: str) -> None:
    error = job_or_error(text)
    assert isinstance(error, JobError)
    assert re.search(words, str(error)), str(error)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 100_000,
        "{a: " * 50_000,
        "? " * 50_000,
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 3000)),
        "a0: &a0 [" + "x," * 5000 + "]\na1: &a1 [" + "*a0," * 2000 + "]\n",
    ],
    ids=["brackets", "dashes", "braces", "question", "billion-laughs", "chain", "wide"],
)
def test_bombs_are_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    error = job_or_error(text)
    assert isinstance(error, JobError)
    assert "nested more than 16" in str(error) or "more than 2,000,000 values" in str(error)
    assert time.perf_counter() - start < 5


@settings(max_examples=400)
@given(st.lists(YAML_PIECES, max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_gives_a_job_or_a_job_error(text: str) -> None:
    job_or_error(text)


@settings(max_examples=200)
@given(st.lists(YAML_PIECES, max_size=15).map("".join))
def test_any_prompt_gives_a_job_or_a_job_error(text: str) -> None:
    job_or_error("prompts:\n  - " + text)
