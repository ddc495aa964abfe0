"""A download's bytes are counted and reported, and it stops on request."""

from __future__ import annotations

import time

import pytest

from vgpipe.errors import Stopped
from vgpipe.hub import meter
from vgpipe.hub.meter import Meter


def test_every_count_is_reported_once_it_is_due(monkeypatch):
    monkeypatch.setattr(meter, "REPORT_EVERY_S", 0.0)
    reports = []
    counted = Meter(5, 20, lambda done, total: reports.append((done, total)), None)
    counted.add(10)
    counted.add(-3)
    assert reports == [(15, 20), (12, 20)]


def test_reports_are_not_more_frequent_than_they_should_be():
    reports = []
    counted = Meter(0, 20, lambda done, total: reports.append(done), None)
    for _ in range(20):
        counted.add(1)
    assert len(reports) <= 2
    counted.report()
    assert reports[-1] == 20


def test_a_stop_is_noticed_while_counting_and_while_waiting():
    with pytest.raises(Stopped):
        Meter(0, 1, None, lambda: True).add(1)
    begun_s = time.monotonic()
    with pytest.raises(Stopped):
        Meter(0, 1, None, lambda: time.monotonic() > begun_s + 0.05).sleep(30)
    assert time.monotonic() - begun_s < 5
