"""Plans in a process of its own while a run is at work in this one.

A plan that is not in the cache builds the model without weights, and while it does so torch's default precision, which
belongs to the whole process, is the model's. That must not happen beside a run, whose bits could change. The process
leaves its profiles in the cache, from which planning again imports no torch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

from vgpipe import errors
from vgpipe.config.schema import Config
from vgpipe.config.validate import validate_config
from vgpipe.errors import VgpipeError
from vgpipe.plans.planning import plan_of
from vgpipe.plans.run_plan import RunPlan


def forecast(config: Config, job_lines: str | None) -> RunPlan:
    """Plans a job; the plan says what refuses it where it does not fit.

    Raises:
        UsageError: where the job is invalid or the device is not there.
        ModelError: where the model cannot be opened.
        PlanError: where no plan can be made for it.
    """
    return plan_of(config, job_lines)


def fill_cache(config: Config, job_lines: str | None) -> None:
    """Has another process make the plan and leave what it takes time for in the cache.

    Raises:
        VgpipeError: as `forecast`.
    """
    asked = json.dumps({"config": asdict(config), "job_lines": job_lines})
    command = [sys.executable, "-m", "vgpipe.api.plan_child"]
    ran = subprocess.run(command, input=asked, capture_output=True, encoding="utf-8", check=False)
    if ran.returncode == 0:
        return
    name, _, message = ran.stdout.partition(" ")
    kind = getattr(errors, name, VgpipeError)
    raise kind(message.strip() or f"the plan could not be made: {ran.stderr.strip()[-500:]}")


def main() -> int:
    """Reads what is asked from stdin; writes an error, its class first, to stdout."""
    asked = json.load(sys.stdin)
    try:
        forecast(validate_config(asked["config"]), asked["job_lines"])
    except VgpipeError as error:
        sys.stdout.write(f"{type(error).__name__} {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
