"""Entries and defaults of a job, with prompts that YAML reads as something else."""

import pytest


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("defaults: [x]\nprompts: [a]\n", ["defaults is not a mapping"]),
        ("defaults: {prompt: x}\nprompts: [a]\n", ['unknown key "prompt"']),
        ("defaults:\n  widht: 3\nprompts: [a]\n", ["a.yaml:2: unknown key", "did you mean `width`"]),
        ("defaults: {seed: }\nprompts: [a]\n", ["seed is empty", "remove `seed`"]),
        ("defaults: {seed:}\nprompts: [a]\n", ["this `:` cannot stand here"]),
        ("prompts:\n- no\n", ["a.yaml:2: the prompt is no without quotes", 'quote it: "no"']),
        ("prompts:\n- 42\n", ['quote it: "42"']),
        ("prompts:\n- 2026-01-01\n", ["a date", 'quote it: "2026-01-01"']),
        ("prompts:\n- A cat: asleep\n", ['quote the whole text: "A cat: asleep"']),
        ("prompts:\n- {colour}\n", ["quote the whole prompt"]),
        ("prompts:\n- ~\n", ["a.yaml:2: the prompt is ~ without quotes, which is nothing"]),
        ("prompts:\n- \n", ["a.yaml:2: the prompt is empty"]),
        ("prompts:\n- [a]\n", ["this prompt is a list"]),
        ("prompts:\n- prompt: yes\n", ['quote it: "yes"']),
    ],
)  # fmt: skip
def test_faults(faults_of, content: str, words: list[str]) -> None:
    found = "\n".join(faults_of(content))
    for word in words:
        assert word in found
