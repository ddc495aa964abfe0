"""Plans that foresee what a test says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture
def forecasting(monkeypatch):
    """Returns a plan that foresees, by the frames of a clip, the least and most seconds that it takes."""

    def plan(seconds):
        monkeypatch.setattr("vgpipe.plans.order.clip_seconds", lambda forecast: forecast)
        monkeypatch.setattr("vgpipe.plans.order.Forecast", tuple)
        return SimpleNamespace(forecasts_of=lambda clip: [seconds[clip.num_frames]])

    return plan
