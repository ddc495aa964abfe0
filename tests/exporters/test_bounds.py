"""The largest files, and what is said of larger ones."""

from __future__ import annotations

import pytest

from vgpipe.exporters.bounds import OF_STRANGERS, OWN, Extent, excess_of

SMALL = Extent(64, 64, 5, 8.0)
HD = Extent(1280, 720, 81, 24.0)


@pytest.mark.parametrize("bounds", [OWN, OF_STRANGERS])
@pytest.mark.parametrize(
    ("settings", "clip", "at_fault"),
    [
        ({"upscale_height": 8640, "fps": 240.0, "interpolate": "minterpolate"}, SMALL, "upscale_height"),
        ({"upscale_factor": 16.0}, HD, "upscale_factor"),
        ({"upscale_height": 4320, "fps": 240.0}, HD, "upscale_height"),
        ({"fps": 240.0}, Extent(64, 64, 10**8, 1.0), "fps"),
        ({"fps": 240.0}, Extent(3840, 2160, 10_000, 1.0), "fps"),
    ],
)
def test_too_large_a_file_is_named_and_the_largest_given_is_allowed(settings, clip, at_fault, bounds):
    settings = {"name": "mp4", **settings}
    excess = excess_of(settings, clip, bounds)
    if at_fault == "fps" and excess is None:
        assert bounds is OWN
        return
    assert excess is not None and excess.setting == at_fault and "at most" in excess.what
    assert excess_of({**settings, at_fault: excess.largest}, clip, bounds) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "mp4"},
        {"name": "mp4", "upscale_height": 2160, "fps": 60.0},
        {"name": "gif", "upscale_factor": 2.0},
        {"name": "frames"},
        {"name": "sheet", "columns": 32, "rows": 32, "frame_width": 320},
    ],
)
def test_usual_files_are_within_the_bounds_of_strangers(settings):
    assert excess_of(settings, HD, OF_STRANGERS) is None


def test_a_sheet_is_bounded_by_its_own_pixels():
    settings = {"name": "sheet", "columns": 32, "rows": 32, "frame_width": 4096}
    clip = Extent(1280, 720, 1024, 24.0)
    excess = excess_of(settings, clip, OWN)
    assert excess is not None and "943,718,400 pixels; at most 100,000,000" in excess.what
    assert excess_of({**settings, excess.setting: excess.largest}, clip, OWN) is None


def test_a_clip_itself_is_bounded_in_frame_rate_and_total():
    assert HD.excess(OF_STRANGERS) == ""
    assert "pixels a frame" in Extent(16384, 16384, 1, 1.0).excess(OWN)
    assert "pixels a second" in Extent(7680, 4320, 5, 240.0).excess(OWN)
    assert (
        Extent(1280, 720, 10**7, 24.0)
        .excess(OWN)
        .endswith("9,216,000,000,000 pixels; at most 2,000,000,000,000 are made")
    )
