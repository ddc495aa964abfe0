"""Figures are shown as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from vgpipe.units import GIB, MIB, clock, counted, finish_time, format_size, to_gib

NOW = datetime(2026, 1, 31, 23, 5).astimezone()


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(12 * GIB, "12.0 GiB"), (GIB / 10, "0.1 GiB"), (GIB // 10 - 1, "102.4 MiB"), (3 * MIB, "3.0 MiB"), (0, "0.0 MiB")],
)
def test_a_size_is_shown_in_gib_or_mib(size_bytes, shown):
    assert format_size(size_bytes) == shown


def test_gib_are_rounded_only_when_asked():
    assert to_gib(GIB * 1.23456) == pytest.approx(1.23456) and to_gib(GIB * 1.23456, 2) == 1.23


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")])
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 clips"), (1, "1 clip"), (2, "2 clips")])
def test_counted(number, text):
    assert counted(number, "clip") == text


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(hours=3), "02:05"),
        (timedelta(hours=23), "22:05"),
        (timedelta(hours=25), "Mon 00:05"),
        (timedelta(days=8), "Sun 08 Feb 23:05"),
    ],
)
def test_a_finish_a_day_ahead_has_its_weekday(ahead, text):
    assert finish_time(NOW + ahead, NOW) == text
