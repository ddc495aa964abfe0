"""Measurements of this machine's finished runs, which improve its next plans: `calibration.jsonl` in the cache folder.

One JSON object per line, appended; the oldest lines are dropped when the file grows large. Invalid lines are skipped.
"""

from __future__ import annotations

import json
import logging
import math
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vgpipe.units import MIB
from vgpipe.vocabulary import DENOISE

log = logging.getLogger(__name__)

NAME = "calibration.jsonl"
MAX_BYTES = MIB  # read and kept at most
MAX_LINE = 2048
LAST = 20  # most recent records of one kind that count
ENOUGH = 3  # runs of a model, or other models
LEAST_SPREAD, SPREAD_OF_FEW, SPREAD_OF_OTHERS = 0.12, 0.30, 0.25  # on either side, however similar the runs are
BOUNDS = (0.02, 50.0)  # plausible seconds per expected second


def record(
    folder: Path,
    *,
    device: str,
    attention: str,
    stage: str,
    model: str,
    flops: float,
    seconds: float,
    expected_s: float | None = None,
    predicted_bytes: int | None = None,
    measured_bytes: int | None = None,
    predicted_ram_bytes: int | None = None,
    measured_ram_bytes: int | None = None,
) -> None:
    """Appends the measurements of one stage of a finished run; if they cannot be written, logs a warning.

    Args:
        folder: the cache folder; created if missing.
        device: name of the device, as its driver gives it.
        attention: the denoiser's attention backend.
        stage: encode, denoise or decode.
        model: the model's name.
        flops: operations of the work that was done, as the plan counts them.
        seconds: time of the work, without loading.
        expected_s: what the plan expected before it looked at own runs; None teaches nothing of time.
        predicted_bytes: the plan's device memory.
        measured_bytes: the run's.
        predicted_ram_bytes: the plan's RAM.
        measured_ram_bytes: the run's.
    """
    if not (flops > 0 and seconds > 0 and math.isfinite(flops) and math.isfinite(seconds)):
        return
    ratio = seconds / expected_s if expected_s else None
    entry = {
        "schema": 1,
        "device": device,
        "attention": attention,
        "stage": stage,
        "model": model,
        "flops": flops,
        "seconds": round(seconds, 4),
        "ratio": ratio,
        "predicted_bytes": predicted_bytes,
        "measured_bytes": measured_bytes,
        "predicted_ram_bytes": predicted_ram_bytes,
        "measured_ram_bytes": measured_ram_bytes,
    }
    try:
        _append(folder, json.dumps(entry, ensure_ascii=True) + "\n")
    except OSError as error:
        log.warning("the measurements of this run are not saved for the next plan: %s", error)


def own_ratio(folder: Path, *, device: str, stage: str, attention: str, model: str) -> tuple[float, float] | None:
    """Returns the least and most seconds that a stage takes here, per second that a plan expects.

    Runs of the same model count, by their median and twice their median deviation on either side. Without any, those of
    at least three other models do, by the least and most of their medians.

    Args:
        folder: the cache folder.
        device: name of the device.
        stage: encode, denoise or decode.
        attention: the denoiser's attention backend; irrelevant in other stages.
        model: the model's name.

    Returns:
        The range; None where too few runs are known.
    """
    wanted = {"device": device, "stage": stage} | ({"attention": attention} if stage == DENOISE else {})
    by_model: dict[str, list[float]] = {}
    for entry in _records(folder):
        if all(entry.get(key) == value for key, value in wanted.items()) and _is_ratio(entry.get("ratio")):
            by_model.setdefault(str(entry.get("model")), []).append(entry["ratio"])
    if model in by_model:
        return _range_of(by_model[model][-LAST:])
    medians = [statistics.median(ratios[-LAST:]) for ratios in by_model.values()]
    if len(medians) < ENOUGH:
        return None
    return min(medians) / (1 + SPREAD_OF_OTHERS), max(medians) * (1 + SPREAD_OF_OTHERS)


def _range_of(ratios: list[float]) -> tuple[float, float]:
    middle = statistics.median(ratios)
    least = LEAST_SPREAD if len(ratios) >= ENOUGH else SPREAD_OF_FEW
    spread = max(2 * statistics.median(abs(ratio - middle) for ratio in ratios) / middle, least)
    return middle / (1 + spread), middle * (1 + spread)


def _is_ratio(value: Any) -> bool:
    return isinstance(value, float) and BOUNDS[0] <= value <= BOUNDS[1]


def _append(folder: Path, line: str) -> None:
    if len(line) > MAX_LINE:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    _shorten(path)
    with path.open("ab", buffering=0) as file:  # one write: lines of other processes stay whole
        file.write(line.encode("ascii"))


def _shorten(path: Path) -> None:
    """Drops the older half of a full file."""
    if not path.is_file() or path.stat().st_size <= MAX_BYTES:
        return
    kept = _tail(path, MAX_BYTES // 2)
    draft = path.with_name(f"{NAME}.{os.getpid()}.tmp")
    draft.write_bytes(b"".join(kept))
    draft.replace(path)


def _tail(path: Path, size: int) -> list[bytes]:
    with path.open("rb") as file:
        total = file.seek(0, os.SEEK_END)
        file.seek(max(0, total - size))
        lines = file.read(size).splitlines(keepends=True)
    return lines[1:] if total > size else lines


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    path = folder / NAME
    try:
        lines = _tail(path, MAX_BYTES) if path.is_file() else []
    except OSError as error:
        log.debug("%s cannot be read: %s", path, error)
        return
    for line in lines:
        if len(line) > MAX_LINE:
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and entry.get("schema") == 1:
            yield entry
