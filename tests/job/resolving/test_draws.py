"""Seeds drawn from one number: the same again, and no two alike."""

from __future__ import annotations

from vgpipe.job.resolving.draws import Draws


def test_the_same_origin_draws_the_same_and_another_one_others():
    assert Draws(1).seeds("a cat", 3) == Draws(1).seeds("a cat", 3) != Draws(2).seeds("a cat", 3)


def test_seeds_of_a_prompt_do_not_depend_on_the_prompts_and_takes_around_it():
    draws = Draws(7)
    draws.seeds("a dog", 5)
    assert draws.seeds("a cat", 3)[:2] == Draws(7).seeds("a cat", 2)


def test_a_prompt_that_is_there_twice_has_other_seeds_and_none_is_drawn_twice():
    draws = Draws(7)
    seeds = [*draws.seeds("a cat", 20_000), *draws.seeds("a cat", 20_000), *draws.seeds("a dog \ud800", 20_000)]
    assert len(set(seeds)) == draws.num_drawn == 60_000 and 0 <= min(seeds) <= max(seeds) < 2**32


def test_jobs_of_one_run_with_the_same_prompts_have_other_seeds():
    assert Draws(7, "a").seeds("a cat", 1) != Draws(7, "b").seeds("a cat", 1)
