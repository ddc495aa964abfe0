import pytest

from vgpipe.bench.grid import config_of, grid
from vgpipe.config.load import load
from vgpipe.errors import UsageError


def test_the_full_run_and_the_floor_are_always_among_the_settings():
    found = grid({}, 20)
    assert [one.name for one in found.settings] == ["steps=2", "steps=20"]
    assert (found.baseline, found.full) == found.settings


def test_each_value_of_the_others_is_tried_alone_at_every_number_of_steps():
    found = grid({"steps": (5, 8), "guidance": (1.0, 2.5)}, 20)
    assert len(found.settings) == 4 * 3
    assert {"steps=8 guidance=1", "steps=8 guidance=2.5", "steps=2 guidance=1"} <= {one.name for one in found.settings}
    (one,) = [one for one in found.settings if one.name == "steps=8 guidance=2.5"]
    assert one.quality == {"num_inference_steps": 8, "guidance_scale": 2.5}
    assert one.folder == "steps=8,guidance=2.5"


def test_a_value_of_the_full_run_is_no_second_setting():
    assert [one.name for one in grid({"steps": (20, 2, 8, 8)}, 20).settings] == ["steps=2", "steps=8", "steps=20"]


@pytest.mark.parametrize(
    "tried, steps, says", [({}, 2, "nothing to compare"), ({"steps": range(3, 999)}, 1000, "fewer")]
)
def test_a_grid_that_says_nothing_or_never_ends_is_refused(tried, steps, says):
    with pytest.raises(UsageError, match=says):
        grid(tried, steps)


def test_what_no_clip_setting_is_stays_in_quality():
    found = grid({"cache": ("firstblock",)}, 20).settings[-1]
    assert found.name == "steps=20 cache=firstblock"
    assert config_of(found, load([])).quality.cache == "firstblock"


def test_a_setting_is_stronger_than_what_was_typed():
    config = load(["clip.num_inference_steps=30", "quality=quick"])
    found = grid({"guidance": (1.5,)}, 30).settings[-1]
    made = config_of(found, config)
    assert (made.clip.num_inference_steps, made.clip.guidance_scale) == (30, 1.5)
