"""Rates of animated images: what is told, and which store keys change."""

from vgpipe.exporters.rates import identity_of_rate, rate_notes

GIF60 = {"name": "gif", "fps": 60.0}


def test_a_lowered_rate_is_told_once():
    notes = rate_notes([GIF60, GIF60, {"name": "mp4", "fps": 60.0}], [8.0, 24.0])
    assert notes == (
        "gif files have 50 frames per second in place of 60, at the same length: browsers slow down what is faster",
    )
    assert rate_notes([{"name": "webp", "fps": None}], [8.0, 120.0])[0].startswith("webp files have 90")
    assert rate_notes([{"name": "gif", "fps": None}, {"name": "frames"}], [8.0, 50.0]) == ()


def test_only_the_keys_of_lowered_files_change():
    assert identity_of_rate(GIF60, 8.0) == {"max_fps": 50}
    assert identity_of_rate({"name": "gif", "fps": 50.0}, 120.0) == {} == identity_of_rate({"name": "mp4"}, 120.0)
