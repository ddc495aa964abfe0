"""What may be given to a resumed run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vgpipe.config.load import load
from vgpipe.config.run_limits import load_run_limits
from vgpipe.config.schema import RunConfig
from vgpipe.errors import ConfigError


def test_the_options_repeat_the_defaults_of_the_schema():
    assert load([]).run == RunConfig()


def test_without_overrides_limits_are_dropped_and_the_rest_is_kept():
    saved = RunConfig(until="07:00", budget="8h", degrade="any", sheet=False)
    assert load_run_limits([])(saved) == RunConfig(degrade="any", sheet=False)
    assert load_run_limits(["run.budget=2h"])(saved) == RunConfig(degrade="any", sheet=False, budget="2h")


def test_other_settings_are_refused():
    with pytest.raises(ConfigError, match="a resumed run keeps its settings"):
        load_run_limits(["clip.seed=3"])


def test_what_resumes_a_run_without_overrides_composes_nothing():
    code = "import sys, vgpipe.runs.run, vgpipe.config.run_limits as one; one.load_run_limits([]); "
    code += "sys.exit('hydra' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
