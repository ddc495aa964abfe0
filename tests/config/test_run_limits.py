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


def test_the_command_at_the_end_that_a_run_has_saved_is_dropped_and_that_of_the_users_file_is_taken(
    tmp_path, monkeypatch
):
    saved = replace(load([]), run=RunConfig(on_end="sh strangers.sh"))
    assert load_run_limits([])(saved).run.on_end is None
    assert load_run_limits(["run.on_end=sh typed.sh"])(saved).run.on_end == "sh typed.sh"
    (tmp_path / "own.yaml").write_text("run: {on_end: sh own.sh}\n")
    monkeypatch.setenv("VGPIPE_CONFIG", str(tmp_path / "own.yaml"))
    assert load_run_limits(["run.budget=2h"])(saved).run.on_end == "sh own.sh"


def test_when_messages_are_sent_is_kept_unless_it_is_given_again():
    saved = load(["notify.on=[end,stall]", "notify.stall_after=1h"])
    assert load_run_limits([])(saved).notify == saved.notify
    assert load_run_limits(["notify.on=[failure]"])(saved).notify == replace(saved.notify, on=("failure",))


def test_what_resumes_a_run_without_overrides_composes_nothing():
    code = "import sys, vgpipe.runs.run, vgpipe.config.run_limits as one; one.load_run_limits([]); "
    code += "sys.exit('hydra' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
