import pytest

from vgpipe.bench.chart import chart
from vgpipe.bench.grid import Setting
from vgpipe.bench.results import Result
from vgpipe.quality.frontier import Interval


def result(name, seconds, share, spread=0.1, best=True):
    kept = {"ssim": Interval(share, share - spread, share + spread)}
    return Result(setting=Setting(name), seconds=seconds, kept=kept, is_on_frontier=best)


def test_time_grows_to_the_right_and_quality_upwards():
    found = chart([result("steps=2", 1.0, 0.0), result("steps=8", 4.0, 0.8), result("steps=20", 9.0, 1.0)], "ssim")
    low, middle, full = found.dots
    assert low.x < middle.x < full.x and low.y > middle.y > full.y
    assert middle.low_y > middle.y > middle.high_y
    assert len(found.line.split()) == 3


def test_every_dot_lies_within_the_axes():
    found = chart([result("a", 0.001, -4.0, 9.0), result("b", 5000.0, 1.0, 0.0), result("c", 7.0, 30.0)], "ssim")
    for dot in found.dots:
        assert found.left <= dot.x <= found.right
        assert all(found.top <= y <= found.bottom for y in (dot.y, dot.low_y, dot.high_y))


def test_a_name_at_the_edge_stands_to_the_left():
    found = chart([result("steps=2", 1.0, 0.0), result("steps=20 cache=seacache", 9.0, 1.0)], "ssim")
    assert [dot.text_anchor for dot in found.dots] == ["start", "end"]


@pytest.mark.parametrize("found", [[], [result("a", 1.0, 0.5)], [result("a", None, 0.5), result("b", 1.0, 0.5)]])
def test_fewer_than_two_points_are_no_chart(found):
    assert chart(found, "ssim") is None


def test_points_of_equal_quality_are_drawn():
    assert chart([result("a", 1.0, 1.0, 0.0), result("b", 1.0, 1.0, 0.0)], "ssim") is not None
