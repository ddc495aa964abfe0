import pytest

from vgpipe.bench.grid import grid
from vgpipe.bench.results import results
from vgpipe.bench.rows import Row, Rows

GRID = grid({"steps": (8,), "guidance": (1.0,)}, 20)
SSIM = {"steps=2": 0.5, "steps=8": 0.9, "steps=20": 1.0}
SECONDS = {"steps=2": 1.0, "steps=8": 3.0, "steps=20": 8.0}


def rows(folder, **changes):
    found = Rows(folder)
    for name, ssim in SSIM.items():
        for clip in range(4):
            change = changes.get(name.replace("=", ""), {}) if clip == 1 else {}
            seconds = {"denoise": SECONDS[name], "decode": 0.5, "export": 9.0}
            if name == "steps=20":
                seconds["encode"] = 0.25
            values = {
                "seconds": seconds,
                "peak_gb": 1.0 + clip,
                "scores": {"ssim": ssim, "worst_ssim": ssim - 0.1 * clip},
            }
            found.add(Row(setting=name, clip=clip, is_compared=True, **{**values, **change}))
    return found


def of(tmp_path, **changes):
    return {one.setting.name: one for one in results(GRID, rows(tmp_path, **changes), ["ssim", "vmaf"], "ssim")}


def test_seconds_are_those_of_encoding_denoising_and_decoding(tmp_path):
    found = of(tmp_path)
    assert found["steps=8"].seconds == pytest.approx(3.75)
    assert found["steps=8"].denoise_s == pytest.approx(3.0)
    assert found["steps=8"].speed.mean == pytest.approx(8.75 / 3.75)
    assert found["steps=8"].peak_gb == 4.0


def test_a_clip_that_was_stopped_on_its_way_has_no_seconds(tmp_path):
    found = of(tmp_path, steps8={"seconds": {"decode": 0.5}, "is_timed": False})
    assert found["steps=8"].seconds == pytest.approx(3.75) and found["steps=8"].clips == 4
    assert found["steps=8"].speed.mean == pytest.approx(8.75 / 3.75)
    assert found["steps=8"].kept["ssim"].mean == pytest.approx(0.8)


def test_the_worst_frame_of_all_clips_is_told(tmp_path):
    assert of(tmp_path)["steps=8"].scores == pytest.approx({"ssim": 0.9, "worst_ssim": 0.6})


def test_shares_are_of_what_the_full_run_adds(tmp_path):
    found = of(tmp_path)
    assert [found[name].kept["ssim"].mean for name in SSIM] == pytest.approx([0, 0.8, 1])
    assert found["steps=8 guidance=1"].clips == 0 and found["steps=8 guidance=1"].kept == {}
    assert {name for name, one in found.items() if one.is_on_frontier} == set(SSIM)


@pytest.mark.parametrize("change", [{"error": "black frames", "scores": {}}, {"degradations": ("VAE tiled",)}])
def test_a_setting_of_which_a_clip_failed_or_was_degraded_is_not_on_the_frontier(tmp_path, change):
    found = of(tmp_path, steps8=change)
    assert found["steps=8"].failed + found["steps=8"].degraded == 1
    assert not found["steps=8"].is_on_frontier and found["steps=20"].is_on_frontier


def test_checks_that_warn_are_counted(tmp_path):
    assert of(tmp_path, steps2={"warned": ("frozen", "noise")})["steps=2"].warned == {"frozen": 1, "noise": 1}
