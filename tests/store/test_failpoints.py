"""What a run does on the disk survives a failing disk, a full one, a kill in every operation, and a power cut."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.failpoints.shim import is_available, preload

ROOT = Path(__file__).parents[2]
EVERY = {"CUT": 7, "EIO": 11, "FULL": 7, "TEAR": 3, "COPIES": 13}
"""Every n-th operation; `benchmarks/failpoints.py` takes all of them, of a whole run."""


@pytest.mark.skipif(not is_available(), reason="needs Linux and a C compiler")
def test_a_job_is_whole_again_after_each_fault_and_what_its_records_say_is_there(tmp_path):
    arguments = [f"{fault}={every}" for fault, every in EVERY.items()]
    command = [sys.executable, "-m", "tests.failpoints.store_job", str(tmp_path), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=preload(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["operations"] > 100
    assert [line for fault in told["faults"].values() for line in fault["wrong"]] == []
    assert all(told["faults"][fault]["runs"] >= told["operations"] // 40 for fault in EVERY)
