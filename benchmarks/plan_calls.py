"""Asks `python -m vgpipe plan --json`, for the tables and pictures of docs/."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SCHEMA = 1


def planned(*overrides: str) -> dict[str, Any]:
    """Returns what a plan says, whether it fits or not; docs/planning.md tells the keys.

    Args:
        overrides: as they are typed after `plan --json`.

    Raises:
        SystemExit: where there is no plan at all, with what the command said.
    """
    command = [sys.executable, "-m", "vgpipe", "plan", "--json", *overrides]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    plan = json.loads(done.stdout) if done.stdout else {}
    if plan.get("schema") != SCHEMA:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return dict(plan)


def by_strategy(model: str, *overrides: str) -> dict[str, dict[str, Any]]:
    """Returns strategy -> row, for the strategies that all stages of a model have alike.

    Args:
        model: an option of `model`.
        overrides: beside `model=`.
    """
    rows = planned(f"model={model}", *overrides)["rows"]
    return {row["strategy"]: row for row in rows if is_alike(row)}


def is_alike(row: dict[str, Any]) -> bool:
    """Says whether all stages of a row have the same strategy."""
    return {stage["strategy"] for stage in row["stages"].values()} == {row["strategy"]}
