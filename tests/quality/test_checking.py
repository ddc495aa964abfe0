"""Numbers are measured frame by frame, and judged by the limits of the config."""

from __future__ import annotations

import numpy as np
import pytest

from vgpipe.config.checks_schema import CheckConfig
from vgpipe.quality.checking import FrameChecks, judge
from vgpipe.quality.verdict import Result


def measured(frames) -> dict[str, float]:
    checks = FrameChecks(fps=8)
    for frame_HWC in frames:
        checks.add(np.asarray(frame_HWC, np.uint8))
    return checks.numbers()


def grey(level: int) -> np.ndarray:
    return np.full((16, 24, 3), level)


def verdict(numbers, limit: CheckConfig, **facts):
    facts = {"is_canary": False, "wants_stillness": False, **facts}
    return judge(numbers, {"uniform": limit, "frozen": limit}, **facts)


def test_a_grey_clip_is_uniform_and_frozen():
    found = {one.check: one for one in verdict(measured([grey(90)] * 4), CheckConfig(limit=0.5))}
    assert {name: (one.number, one.result) for name, one in found.items()} == {
        "uniform": (0.0, Result.FAILED), "frozen": (0.0, Result.FAILED),
    }  # fmt: skip
    assert "one plain colour" in found["uniform"].says


def test_no_frames_have_no_numbers_and_one_has_no_motion():
    assert measured([]) == {}
    assert "uniform" in measured([grey(1)]) and "frozen" not in measured([grey(1)])


def test_what_only_warns_does_not_fail():
    assert verdict({"uniform": 0.0}, CheckConfig(limit=1, action="warn"))[0].result is Result.WARNED


def test_a_number_at_its_limit_is_good_and_has_nothing_to_say():
    found = verdict({"uniform": 1.0}, CheckConfig(limit=1))[0]
    assert (found.result, found.says) == (Result.PASSED, "")


@pytest.mark.parametrize("facts", [{"is_canary": True}, {"wants_stillness": True}])
def test_a_check_that_does_not_hold_is_left_out(facts):
    found = verdict({"frozen": 0.0}, CheckConfig(limit=1, canary=False), **facts)
    assert found == ()


def test_a_check_without_a_limit_is_off():
    assert judge({"uniform": 0.0}, {}, is_canary=False, wants_stillness=False) == ()
