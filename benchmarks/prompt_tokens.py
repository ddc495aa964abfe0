"""User CPU seconds that counting the tokens of 10,000 prompts takes, for CLIP (77 tokens) and for Wan (512).

Run: python -m benchmarks.prompt_tokens

Builds the tiny checkpoints of the tests, whose tokenizers are real ones that know few words; so a word has more tokens
than with published vocabularies, and the figures are high rather than low. Each job is counted twice, the second time
from what the first one kept.

Found on 2 cores that other programs used too (diffusers 0.42.1, transformers 5.23): words in a prompt, texts that are
cut, seconds of the first time and of the second.

    CLIP  8-20       1,279   1.5    0.0
    CLIP  30-60      9,998   3.5    0.2
    CLIP  150-250   10,000  10.2    0.4
    Wan   8-20           0   0.0    0.0
    Wan   30-60          0   0.0    0.0
    Wan   150-250        0   2.0    0.4

1.1 s of each is the import of transformers in the child process, 0.0 that nothing was long enough to be counted.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.registry import family
from vgpipe.models.texts.counting import read_texts

MODELS = {"CLIP": ("text_to_video_ms", "text_to_video_sd", 77), "Wan": ("wan21_t2v_1_3b", "wan", 512)}
LENGTHS = ((8, 20), (30, 60), (150, 250))
PROMPTS = 10_000
WORDS = [
    *("a", "small", "large", "red", "blue", "circle", "moving", "left", "on", "black", "background", "cinematic"),
    *("dolly", "shot", "of", "an", "astronaut", "riding", "the", "horse", "through", "neon", "lit", "rain", "soaked"),
    *("streets", "highly", "detailed", "volumetric", "fog", "golden", "hour"),
]


def main() -> None:
    """Writes a line for each model and length."""
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        for name, (option, family_name, limit) in MODELS.items():
            built = Path(folder, option)
            subprocess.run([sys.executable, "-m", "tests.tiny", option, str(built)], check=True, capture_output=True)
            driver = family(family_name, Checkpoint(built), Settings(max_sequence_length=limit))
            for least, most in LENGTHS:
                texts = [_prompt(number, random.randint(least, most)) for number in range(PROMPTS)]
                cache = Path(folder, f"{name}-{least}")
                taken = []
                for _ in range(2):
                    before = _user_s()
                    cut = len(read_texts(driver, texts, cache=cache))
                    taken.append(_user_s() - before)
                sys.stdout.write(f"{name:5} {f'{least}-{most}':8} {cut:7,}  {taken[0]:4.1f}  {taken[1]:4.1f}\n")


def _prompt(number: int, words: int) -> str:
    return f"{' '.join(random.choices(WORDS, k=words))} {number}"


def _user_s() -> float:
    return sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
