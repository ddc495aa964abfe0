"""Matrices, and the places in texts that they fill."""

import pytest


@pytest.mark.parametrize(
    ("content", "words"),
    [
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
        ("prompts:\n- {prompt: '{c}', matrix: {c: [' ']}}\n", ["places and choices make an empty prompt"]),
    ],
)  # fmt: skip
def test_faults(faults_of, content: str, words: list[str]) -> None:
    found = "\n".join(faults_of(content))
    for word in words:
        assert word in found
