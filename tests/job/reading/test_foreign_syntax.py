"""What other tools act on inside a prompt."""

import json

import pytest

WILD = "a [small|large] circle\n(a small red circle:1.3) moving left\n"


def test_what_is_read_as_text_is_noted_by_line(clips_of) -> None:
    made = clips_of(WILD, "a.txt")
    assert [clip.prompt for clip in made.clips] == WILD.splitlines()
    assert made.notes == (
        "a.txt:1: [a|b], BREAK, embedding:name and <hypernet:name> have no effect, and are read as text",
        "a.txt:2: weights such as (word:1.3) have no effect, and are read as text",
    )


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("1. a cat", "a number or dash before the prompt"),
        ("12) a cat", "a number or dash before the prompt"),
        ("- a cat", "a number or dash before the prompt"),
        ('"a cat"', "quotes around the prompt"),
        ("\u201ca cat\u201d", "quotes around the prompt"),
        ("((a cat))", "weights such as"),
        ("a [cat:dog:0.5]", "weights such as"),
        ("a cat, (bad hands:-1)", "weights such as"),
        ("a [dog|cat]", "[a|b], BREAK"),
        ("a cat BREAK a dog", "[a|b], BREAK"),
        ("a cat, embedding:ink", "[a|b], BREAK"),
    ],
)
def test_in_every_format_and_on_the_command_line(clips_of, prompt: str, words: str) -> None:
    texts = {
        "a.txt": prompt,
        "a.jsonl": json.dumps({"prompt": prompt}),
        "a.yaml": json.dumps({"prompts": [{"prompt": "x", "negative_prompt": prompt}]}),
        "a.csv": 'prompt,seed\n"' + prompt.replace('"', '""') + '",1\n',
    }
    for name, text in texts.items():
        (note,) = clips_of(text + "\n", name).notes
        assert note.startswith(f"{name}:") and words in note
    (note,) = clips_of(None, prompt=prompt).notes
    assert note.startswith("clip.prompt: ") and words in note


def test_options_in_other_formats_are_noted(clips_of) -> None:
    (note,) = clips_of('"a cat --w 64 --h 64"\n', "a.jsonl").notes
    assert "only lines of a .txt have them" in note


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat (soft light)",
        "3 cats",
        "it's a cat, 'big'",
        "a snake_case_name",
        "at 10:30 (noon)",
        "[red] 1:2",
        "a - b",
    ],
)
def test_plain_text_has_no_note(clips_of, prompt: str) -> None:
    assert clips_of(json.dumps(prompt), "a.jsonl").notes == ()


def test_a_lora_in_a_prompt_is_refused_with_what_loads_it(faults_of) -> None:
    for name, text in {"a.txt": "x, <lora:ink:0.8>\n", "a.yaml": "prompts:\n- {prompt: 'x, <lora:ink:0.8>'}\n"}.items():
        (fault,) = faults_of(text, name)
        assert "<lora:ink:0.8> in the prompt loads no LoRA" in fault
        assert "'model.loras=[{id: ink.safetensors, weight: 0.8}]'" in fault
    assert "clip.prompt: <lora:a> in" in faults_of(None, prompt="x <lora:a>")[0]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "a {Colour} cat\n", ["only a .yaml, .json or .jsonl job has a matrix", "{Colour: [..., ...]}"]),
        ("a.csv", "prompt\na {x} cat\n", ["a.csv:2: prompt has the place {x}", "in a .yaml job add matrix"]),
        ("a.txt", '{"prompt": "a cat"}\n', ["a.txt:1: the line is JSON", "name the file .jsonl"]),
        (
            "a.txt",
            '! {Colour}="red","blue" : {Shape}="circle"\na {Colour} {Shape}\n',
            ["a.txt:1: a .txt has no matrix", 'matrix: {Colour: ["red", "blue"], Shape: ["circle"]}'],
        ),
    ],
)
def test_places_are_told_to_become_yaml(faults_of, name: str, text: str, words: list[str]) -> None:
    found = "\n".join(faults_of(text, name))
    for word in words:
        assert word in found


def test_a_line_that_starts_with_a_mark_is_a_prompt(clips_of) -> None:
    assert clips_of("! a loud cat\n", "a.txt").clips[0].prompt == "! a loud cat"


def test_one_error_names_all(faults_of) -> None:
    found = faults_of(WILD + "a {red} cat\nx, <lora:ink:0.8>\n", "wild.txt")
    assert [fault.partition(": ")[0] for fault in found] == ["wild.txt:3", "wild.txt:4"]
