"""What of a record's sound reaches the page."""

from vgpipe.report.sound import MAX_PEAKS, sound_of


def test_sound_is_shown_as_it_was_recorded():
    found = {"sample_rate_hz": 24_000, "channels": 2, "seconds": 2.0, "peak": 0.5, "peaks": [0, 50, 100]}
    assert sound_of(found) == found


def test_what_is_no_sound_is_left_out():
    assert [sound_of(one) for one in (None, "loud", {}, {"peaks": "12"}, {"peaks": [None, "x"]})] == [None] * 5
    odd = {"peaks": [-5, 900, "3", True, 7, *range(5_000)], "seconds": "2", "channels": 1.5, "peak": float("nan")}
    found = sound_of(odd)
    assert found is not None and found["peaks"][:2] == [0, 100] and len(found["peaks"]) <= MAX_PEAKS
    assert set(found) == {"peaks"}
