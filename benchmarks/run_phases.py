"""Where the time of a run goes, from its events: `python benchmarks/run_phases.py RUN_DIR` for a run that ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

STAGES = ("encode", "denoise", "decode")

Events = Sequence[Mapping[str, object]]


def read_events(run: Path) -> list[dict]:
    """Returns the events of a run."""
    return [json.loads(line) for line in (run / "events.jsonl").read_text("utf-8").splitlines()]


def denoising_began(events: Events) -> float:
    """Returns when the first denoising began, seconds since the epoch; of the canary where there was one."""
    done = [one for one in events if one["event"] == "stage_done" and one["stage"] == "denoise"]
    return min(one["time"] - one["seconds"] for one in done)


def clips_ended(events: Events) -> float:
    """Returns when the last clip was done, seconds since the epoch."""
    return max(one["time"] for one in events if one["event"] == "clip_done")


def phases(events: Events, started: float, ended: float) -> dict[str, float]:
    """Returns phase -> wall seconds; together they are the time from `started` to `ended`, seconds since the epoch.

    Runs made before events said what loading takes count that as part of the phase that it was in.
    """
    times = {kind: [one["time"] for one in events if one["event"] == kind] for kind in ("run_started", "wave_started")}
    canaries = [one for one in events if one["event"] == "canary_done"]
    canary_ids = {one["clip"] for one in canaries}
    first_wave = times["wave_started"][0]
    canary_end = canaries[-1]["time"] if canaries else first_wave
    clips_begin = next(time for time in times["wave_started"] if time >= canary_end)
    done = [one for one in events if one["event"] == "stage_done" and one["clip"] not in canary_ids]
    work_end = max(one["time"] for one in done if one["stage"] == "decode")
    last_clip = clips_ended(events)
    loads = [one for one in events if one["event"] == "part_loaded"]
    in_canary = sum(one["seconds"] for one in loads if one["time"] <= canary_end)
    in_waves = sum(one["seconds"] for one in loads if clips_begin <= one["time"] <= work_end)
    stages = {name: sum(one["seconds"] for one in done if one["stage"] == name) for name in STAGES}
    return {
        "compose, check, plan": times["run_started"][0] - started,
        "imports": first_wave - times["run_started"][0],
        "loading weights": in_canary + in_waves,
        "canary": canary_end - first_wave - in_canary,
        "thread trial": clips_begin - canary_end,
        **stages,
        "between stages": work_end - clips_begin - in_waves - sum(stages.values()),
        "exports at the end": last_clip - work_end,
        "report and end": ended - last_clip,
    }


def spans(events: Events, started: float, ended: float) -> dict[str, float]:
    """Returns the same in three parts, which hold for any number of workers."""
    began, done = denoising_began(events), clips_ended(events)
    return {"to the first denoising": began - started, "making clips": done - began, "report and end": ended - done}


def table(found: Mapping[str, float]) -> str:
    """Returns the phases as lines."""
    total = sum(found.values())
    return "\n".join(f"{name:22s} {seconds:7.2f} s {seconds / total:6.1%}" for name, seconds in found.items())


if __name__ == "__main__":
    found = read_events(Path(sys.argv[1]))
    sys.stdout.write(table(phases(found, found[0]["time"], found[-1]["time"])) + "\n")
