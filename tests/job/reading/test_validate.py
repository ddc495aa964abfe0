"""The top level of a job file, the ids of its prompts, and sizes that the model cannot make."""

import pytest


@pytest.mark.parametrize(
    ("content", "words"),
    [
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
        ("prompts:\n- {prompt: x, id: Ä}\n- {prompt: y, id: a\u0308}\n", ["a.yaml:3: the id", "at line 2"]),
        ("prompts:\n- {prompt: x, width: 60}\n", ["a.yaml:2: width is 60", "the nearest is width: 64"]),
        ("prompts:\n- {prompt: x, height: 2000}\n", ["multiples of 16 from 32 to 256", "height: 256"]),
        ("prompts:\n- {prompt: x, num_frames: 16}\n", ["1, 5, 9, ... 81 frames", "num_frames: 17"]),
        ("prompts:\n- {prompt: x, seconds: 60}\n", ["481 frames at 8 fps", "at most seconds: 10.125"]),
    ],
)  # fmt: skip
def test_faults(faults_of, content: str, words: list[str]) -> None:
    found = "\n".join(faults_of(content))
    for word in words:
        assert word in found
