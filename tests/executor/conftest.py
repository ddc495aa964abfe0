"""The cluster that the tests with Ray share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory):
    """Three nodes of one worker each, on this machine; with a folder of its own for each."""
    pytest.importorskip("ray")
    from tests.executor.workers.ray_cluster import Nodes3

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Nodes3(tmp_path_factory.mktemp("nodes"))
        yield cluster
        cluster.close()
