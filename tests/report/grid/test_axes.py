"""Which settings are axes."""

from __future__ import annotations

from tests.report.grid.runs import started
from vgpipe.report.grid.axes import axes_of


def told(runs):
    return {axis.key: axis.values for axis in axes_of(runs)}


def test_a_swept_key_is_an_axis_and_the_seed_comes_last():
    runs = [
        started(f"clip.seed={seed}", "job=a.yaml", f"quality={name}") for name in ("quick", "high") for seed in (1, 0)
    ]
    axes = axes_of(runs)
    assert [(axis.label, axis.values, axis.at) for axis in axes] == [
        ("quality", ("quick", "high"), (0, 0, 1, 1)),
        ("seed", ("0", "1"), (1, 0, 1, 0)),
    ]


def test_names_are_in_the_order_of_the_runs_and_numbers_in_their_own():
    runs = [
        started(f"quality={name}", f"clip.fps={fps}", at=at)
        for name, at in (("high", 9), ("quick", 1))
        for fps in (16, 8, 100)
    ]
    assert told(runs) == {"quality": ("quick", "high"), "clip.fps": ("8", "16", "100")}


def test_an_override_that_a_run_lacks_has_the_value_of_its_config():
    assert told([started("quality=quick", "model=wan"), started("quality=high", model_name="shapes")]) == {
        "quality": ("quick", "high")
    }
    assert told([started("x=1", "model=wan"), started("x=1", model_name="shapes"), started("x=1")]) == {
        "model": ("wan", "shapes", "default")
    }


def test_of_settings_that_change_together_one_is_the_axis():
    pairs = [("quick", "10"), ("standard", "20"), ("high", "20")]
    assert list(told([started(f"clip.num_inference_steps={steps}", f"quality={name}") for name, steps in pairs])) == [
        "quality"
    ]


def test_runs_that_do_not_tell_their_overrides_differ_in_their_configs():
    values = [("wan", "wan-1.3b"), ("wan", "wan-14b"), ("ltx", "ltx-2b")]
    runs = [started(model_family=family, model_name=name, quality_keep="0.5") for family, name in values]
    assert told(runs) == {"model": ("wan-1.3b", "wan-14b", "ltx-2b")}
    assert told(runs[:1]) == told([]) == {}
