"""A contest in a job file: below `seeds`, as settings of their own, and what is wrong with either."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("job", "name"),
    [
        ("prompts: [{prompt: a, seeds: {best_of: 4, keep: 2, at: [2, 50%]}}]", "a.yaml"),
        ("defaults: {seeds: {best_of: 4, keep: 2, at: [2, 50%]}}\nprompts: [a]", "a.yaml"),
        ("prompts: [{prompt: a, best_of: 4, best_of_keep: 2, best_of_at: [2, 50%]}]", "a.yaml"),
        ('{"prompt": "a", "seeds": {"best_of": 4.0, "keep": 2, "at": [2, "50%"]}}\n', "a.jsonl"),
        ("prompt;best_of;best_of_keep;best_of_at\na;4;2;2 50%\n", "a.csv"),
        ("a --best_of 4 --best_of_keep 2 --best_of_at 2,50%\n", "a.txt"),
    ],
)
def test_every_format_says_the_same(clips_of, job, name):
    clips = clips_of(job, name).clips
    assert [clip.seed for clip in clips] == [0, 1, 2, 3]
    (contest,) = {clip.contest for clip in clips}
    assert (contest.name, contest.best_of, contest.keep, contest.at) == (clips[0].id, 4, 2, (2, 4))


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ("{best_of: 0}", "best_of is 0; allowed: a whole number from 1 to 1000 -> must be at least 1"),
        ("{keep: 2}", "`best_of` is missing -> add `best_of:` with a whole number from 1 to 1000"),
        ("{best_of: 4, at: 4}", "at is 4; allowed: a list of whole numbers from 1 or shares such as 40%"),
        ("{best_of: 4, at: 40%}", "write at: [40%]"),
        ("{best_of: 4, at: [0]}", "item 1 of at is 0; allowed: whole numbers from 1 or shares such as 40%"),
        ("{best_of: 4, at: [100%]}", 'item 1 of at is the text "100%"'),
        ("{best_of: 4, at: []}", "at is an empty list"),
        ("{best_of: 4, kep: 1}", 'unknown key "kep"; known: keep, at, best_of -> did you mean `keep`?'),
        ("{}", "`best_of` is missing"),
        ("best", 'seeds is the text "best"; allowed: a list of whole numbers'),
    ],
)
def test_what_is_wrong_below_seeds_is_named_with_its_line(faults_of, seeds, words):
    (fault,) = faults_of(f"prompts:\n- prompt: a\n  seeds: {seeds}\n")
    assert fault.startswith("a.yaml:3: ") and words in fault


def test_one_spelling_is_enough(faults_of):
    (fault,) = faults_of("prompts:\n- prompt: a\n  seeds: {best_of: 4}\n  best_of: 5\n")
    assert fault == "a.yaml:4: both best_of and the best_of of seeds are given -> keep one of them"
