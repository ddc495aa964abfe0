"""How many clips a prompt makes, and with which seeds."""

from __future__ import annotations

import pytest

from vgpipe.clips.requested import request
from vgpipe.config.load import load


def _seeds(expansion) -> list[int]:
    return [clip.seed for clip in expansion.clips]


@pytest.mark.parametrize(
    ("job", "overrides", "seeds"),
    [
        ("prompts: [{prompt: a, takes: 3}]", {}, [0, 1, 2]),
        ("defaults: {seed: 5, takes: 2}\nprompts: [a, {prompt: b, takes: 1}]", {}, [5, 6, 5]),
        ("defaults: {takes: 2}\nprompts: [{prompt: c, seeds: [9]}]", {}, [9]),
        ("prompts: [{prompt: a, seed: 5}]", {"takes": 2}, [5, 6]),
        ("prompts: [{prompt: a, seeds: [7, 8]}]", {"takes": 2, "seed": 1}, [1, 2]),
        ("prompts: [{prompt: 'a {c}', takes: 2, matrix: {c: [x, y]}}]", {}, [0, 1, 0, 1]),
    ],
)
def test_takes_count_on_from_the_seed(clips_of, job, overrides, seeds):
    assert _seeds(clips_of(job, **overrides)) == seeds


@pytest.mark.parametrize(
    ("job", "overrides", "words"),
    [
        ("prompts: [{prompt: a, seeds: [1], takes: 2}]", {}, "a.yaml:1: takes is 2, but `seeds`"),
        ("prompts: [{prompt: a, seeds: [1]}]", {"takes": 2}, "clip.takes: takes is 2, but `seeds`"),
        ("prompts: [{prompt: a, seed: 18446744073709551615, takes: 2}]", {}, "begin with a smaller seed"),
        ("prompts: [{prompt: a, takes: 0}]", {}, "takes is 0; allowed: a whole number from 1 to 100000"),
        ("prompts: [{prompt: a, seed: -1}]", {}, "or random -> write seed: random"),
        ("prompts: [{prompt: a, seed: dice}]", {}, 'seed is the text "dice"; allowed: a whole number from 0 to'),
    ],
)
def test_takes_that_say_two_things_are_refused(faults_of, job, overrides, words):
    (fault,) = faults_of(job, **overrides)
    assert words in fault


def test_random_seeds_are_drawn_anew_for_each_run_and_again_from_its_number(write):
    write("prompts: [{prompt: a cat, seed: RANDOM, takes: 2}, {prompt: a dog, seed: 3}]")
    first, second = (request(load(["job=a.yaml"])) for _ in range(2))
    again = request(load(["job=a.yaml", f"drawn_from={first.drawn_from}"]))
    assert first.clips == again.clips and first.clips != second.clips
    assert first.clips[2].seed == 3 and "2 random seeds: each run draws its own" in " ".join(first.notes)


def test_a_job_without_random_seeds_draws_none(write):
    write("prompts: [a cat]")
    assert request(load(["job=a.yaml", "clip.takes=2", "drawn_from=5"])).drawn_from is None


@pytest.mark.parametrize(("name", "text"), [("a.csv", "prompt,seed\na,Random\n"), ("a.txt", "a --d random\n")])
def test_other_formats_have_random_seeds_too(clips_of, name, text):
    assert clips_of(text, name).drawn_from is not None


def test_jobs_of_one_run_are_drawn_from_one_number(write):
    write("prompts: [a dog]", "b.yaml")
    write("prompts: [{prompt: a cat, seed: random}]", "c.yaml")
    write("prompts: [{prompt: a cat, seed: random}]")
    both = request(load(["job=[b.yaml,a.yaml,c.yaml]"]))
    alone = request(load(["job=a.yaml", f"drawn_from={both.drawn_from}"]))
    assert both.clips[1:2] == alone.clips and both.clips[2].seed != both.clips[1].seed
