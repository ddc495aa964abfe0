"""What may be given to a resumed run."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from vgpipe.config.executor_schema import LocalConfig, RayConfig
from vgpipe.config.load import load
from vgpipe.config.run_limits import load_run_limits
from vgpipe.config.schema import RunConfig
from vgpipe.errors import ConfigError


def test_the_options_repeat_the_defaults_of_the_schema():
    assert load([]).run == RunConfig()


def test_without_overrides_limits_are_dropped_and_the_rest_is_kept():
    saved = replace(load([]), run=RunConfig(until="07:00", budget="8h", degrade="any", sheet=False))
    assert load_run_limits([])(saved) == replace(saved, run=RunConfig(degrade="any", sheet=False))
    assert load_run_limits(["run.budget=2h"])(saved).run == RunConfig(degrade="any", sheet=False, budget="2h")


def test_other_settings_are_refused():
    with pytest.raises(ConfigError, match="a resumed run keeps its settings"):
        load_run_limits(["clip.seed=3"])


def test_a_resumed_run_may_run_elsewhere_and_keeps_its_other_settings():
    saved = load(["executor.workers=2", "executor.canary=false"])
    assert load_run_limits([])(saved).executor == saved.executor
    one = load_run_limits(["executor.workers=1"])(saved)
    assert one.executor == LocalConfig(workers=1, canary=False) and one.run == RunConfig()
    there = load_run_limits(["executor=ray", "executor.address=auto"])(saved).executor
    assert there == RayConfig(address="auto")
    assert load_run_limits(["executor.num_cpus=2"])(replace(saved, executor=there)).executor == RayConfig(
        address="auto", num_cpus=2
    )
    for wrong in ("executor.workers=0", "executor.address=auto", "executor=rey", "executor.wokers=2"):
        with pytest.raises(ConfigError, match=r"executor"):
            load_run_limits([wrong])(saved)


def test_what_resumes_a_run_without_overrides_composes_nothing():
    code = "import sys, vgpipe.runs.run, vgpipe.config.run_limits as one; one.load_run_limits([]); "
    code += "sys.exit('hydra' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
