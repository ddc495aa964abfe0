import pytest

from vgpipe.bench.asked import asked
from vgpipe.config.load import load
from vgpipe.errors import ConfigError


def test_its_own_keys_are_taken_out_of_the_rest():
    wanted = asked(["levers=steps,guidance", "steps=[4,8]", "clips=3", "by=vmaf", "model=shapes", "clip.seed=3"])
    assert (wanted.levers, wanted.values, wanted.clips, wanted.by) == (
        ("steps", "guidance"),
        {"steps": (4, 8)},
        3,
        "vmaf",
    )
    assert wanted.overrides == ("model=shapes", "clip.seed=3")


def test_prompts_are_a_job():
    assert asked(["prompts=a b.yaml"]).overrides == asked(["prompts=a b.yaml"]).overrides
    (override,) = asked(["prompts=jobs/demo.yaml"]).overrides
    assert override == "job=jobs/demo.yaml"


@pytest.mark.parametrize("typed", ["steps=[4,8]", "steps=4,8"])
def test_values_name_their_lever(typed):
    wanted = asked([typed])
    assert (wanted.levers, wanted.values) == (("steps",), {"steps": (4, 8)})


def test_levers_without_values_try_their_own():
    config = load([])
    assert asked([]).tried(config, 20) == {"steps": (3, 5, 8, 10, 13, 16)}
    assert asked(["levers=guidance"]).tried(config, 20) == {"guidance": (1.0,)}
    assert asked(["levers=guidance"]).tried(load(["clip.guidance_scale=1"]), 20) == {}


def test_caches_are_those_that_work_with_the_model():
    tried = [
        asked(["levers=cache"]).tried(load(["hardware=cpu", *typed]), 20).get("cache", ())
        for typed in ([], ["quality.cache=firstblock"], ["model=cogvideox_2b"], ["model=text_to_video_ms"])
    ]
    assert {"seacache", "firstblock", "taylorseer"} <= set(tried[0])
    assert set(tried[0]) - set(tried[1]) == {"firstblock"}
    assert tried[2:] == [("firstblock", "taylorseer"), ()]


@pytest.mark.parametrize(
    "typed, says",
    [
        ("levers=step", "'step' is no lever (steps, "),
        ("levers=", "names no lever"),
        ("steps=[0]", "'[0]' is not allowed: whole numbers from 1 to 1000"),
        ("steps=[4,", "is not allowed"),
        ("steps={a: 1}", "is not allowed"),
        ("steps=[]", "is not allowed"),
        ("steps=[null]", "is not allowed"),
        ("cache=[teacache]", "seacache, magcache, firstblock, taylorseer"),
        ("guidance=[-1]", "numbers from 0 to 100"),
        ("clips=1", "a whole number from 2"),
        ("clips=many", "a whole number from 2"),
        ("by=beauty", "'beauty' is no measure (ssim, "),
    ],
)
def test_nonsense_is_refused_with_what_is_allowed(typed, says):
    with pytest.raises(ConfigError) as caught:
        asked([typed])
    assert says in str(caught.value) and " -> " in str(caught.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        asked(["levers=x", "clips=0", "by=y"])
    assert len(caught.value.faults) == 3
