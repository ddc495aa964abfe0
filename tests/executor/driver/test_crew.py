"""When workers are started."""

from __future__ import annotations

from types import SimpleNamespace

from vgpipe.executor.driver.crew import Crew
from vgpipe.executor.driver.losses import Losses
from vgpipe.executor.workers.pool import Slot


def test_workers_that_a_trial_allows_are_started_at_once():
    def ignore(*_given: object, **_facts: object) -> None:
        pass

    pool = SimpleNamespace(slots=lambda: (Slot("cpu-1", "cpu"), Slot("cpu-2", "cpu")), start=ignore, send=ignore)
    records, progress = SimpleNamespace(event=ignore), SimpleNamespace(worker_joined=ignore, worker_left=ignore)
    crew = Crew(pool, lambda _slot: None, Losses(2), 60.0, records, progress)
    assert (crew.tend(0.0), crew.tend(0.1)) == (["cpu-1"], [])
    crew.most = 2
    assert crew.tend(0.2) == ["cpu-2"]
