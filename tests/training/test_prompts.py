"""Prompts describe their scene and never contradict it."""

import random
import re

import pytest

from training import prompts
from training.prompts import canonical_prompt, prompt_for, vocabulary
from training.world import BACKGROUNDS, COLOURS, DIRECTIONS, SHAPES, Scene, random_scene

NAMES = {w: k for k, ws in (*prompts.COLOUR_WORDS.items(), *prompts.GROUND_WORDS.items()) for w in ws}
SPEED_OF = {w: k for k, ws in prompts.SPEED_WORDS.items() for w in ws if w}
MOTION_STEMS = {
    "growing": r"grow|bigger|larger|expand|increas",
    "shrinking": r"shrink|smaller|contract|decreas",
    "still": r"still|not mov|motionless|static|stationary|in place|at rest",
}


@pytest.fixture(scope="module")
def described() -> list[tuple[Scene, str]]:
    rng = random.Random(0)
    scenes = [random_scene(rng) for _ in range(1500)]
    unknown = re.compile(rf"\b({'|'.join(prompts.UNKNOWN_WORDS)})\b ?")
    return [(s, unknown.sub("", prompt_for(s, rng))) for s in scenes]


def test_canonical_phrasing():
    scene = Scene("triangle", "red", "white", "left", "small", "slow")
    assert canonical_prompt(scene, random.Random(0)) == "a small red triangle moving left slowly on a white background"


def test_colours_are_the_scenes(described):
    for scene, text in described:
        named = {NAMES.get(w, w) for w in re.findall(r"\w+", text)} & {*COLOURS, *BACKGROUNDS}
        assert {scene.colour} <= named <= {scene.colour, scene.background}, text


def test_shapes_are_the_scenes(described):
    for scene, text in described:
        words = set(re.findall(r"\w+", text))
        assert {s for s in SHAPES if words & set(prompts.SHAPE_WORDS[s])} == {scene.shape}, text


def test_motions_are_the_scenes(described):
    for scene, text in described:
        found = {motion for motion, stems in MOTION_STEMS.items() if re.search(stems, text)}
        assert found == {scene.motion} - set(DIRECTIONS), text


def test_sizes_are_the_scenes(described):
    for scene, text in described:
        for size, words in prompts.SIZE_WORDS.items():
            if scene.size and set(words) & set(text.split()):
                assert scene.size == size, text


def test_a_speed_is_named_unless_normal(described):
    for scene, text in described:
        found = {speed for words, speed in SPEED_OF.items() if re.search(rf"\b{words}\b", text)}
        assert found == {scene.speed} - {None} or (scene.speed == "normal" and not found), text


def test_phrasings_are_many(described):
    assert len({re.sub("|".join([*COLOURS, *BACKGROUNDS]), "", text) for _, text in described}) > 800


def test_the_vocabulary_covers_the_phrasings(described):
    assert {w for _, text in described for w in re.findall(r"\w+|[.,]", text)} <= set(vocabulary())
    assert len(vocabulary()) < 160
