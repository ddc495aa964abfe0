"""The fields of an entry: type, range and remedy."""

import pytest


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prompts:\n- prompt: ' '\n", ["prompt is empty"]),
        ("prompts:\n- {seed: 3, fps: 8}\n", ["`prompt` is missing"]),
        ("prompts:\n- {promt: x, seed: 1}\n", ["did you mean `prompt`"]),
        ("prompts:\n- {<<: {seed: 1}, prompt: x}\n", ["merge keys", "under `defaults:`"]),
        ("prompts:\n- {prompt: x, seed: '3'}\n", ['seed is the text "3"', "remove the quotes: seed: 3"]),
        ("prompts:\n- {prompt: x, seed: true}\n", ["seed is true (a boolean)"]),
        ("prompts:\n- {prompt: x, seed: 1.5}\n", ["seed is 1.5"]),
        ("prompts:\n- {prompt: x, seed: -2}\n", ["must be at least 0"]),
        ("prompts:\n- {prompt: x, seed: 18446744073709551616}\n", ["must be at most 18446744073709551615"]),
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
        ('prompts:\n- "a\\0b"\n', ["a.yaml:2: prompt holds the character U+0000"]),
        ("prompts:\n- " + "x" * 20_001 + "\n", ["has 20,001 characters; at most 20,000"]),
    ],
)  # fmt: skip
def test_faults(faults_of, content: str, words: list[str]) -> None:
    found = "\n".join(faults_of(content))
    for word in words:
        assert word in found
