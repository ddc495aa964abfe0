"""Writes what a bench found: bench.json, the page, options for `--config-dir`, and what `quality=85%` goes by."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from vgpipe.bench.opening import Opened
from vgpipe.bench.page import page
from vgpipe.bench.presets import write_presets
from vgpipe.bench.results import Result, results
from vgpipe.bench.rows import Rows
from vgpipe.bench.scores import MEASURES
from vgpipe.config.measurements import VERSION, Bounds, MeasuredSetting, Measurement, identity_of, path_of
from vgpipe.store.durable import make_folder, replace_file

log = logging.getLogger(__name__)

RESULTS, PAGE = "bench.json", "bench.html"


@dataclass(frozen=True, slots=True)
class Told:
    """What a bench found so far.

    Attributes:
        found: of each setting.
        measurement: what `quality=85%` goes by.
        presets: names of the options that were written.
        page: where the page is.
    """

    found: tuple[Result, ...]
    measurement: Measurement
    presets: tuple[str, ...]
    page: Path


def write(opened: Opened, rows: Rows, device: str, today: date) -> Told:
    """Writes everything, each file atomically.

    Args:
        opened: the bench.
        rows: what was measured.
        device: what the machine computes with, for people.
        today: the day.

    Returns:
        What was written.

    Raises:
        StoreError: where the directory of the bench cannot be written.
        OSError: likewise.
    """
    bench, by = opened.bench, opened.by
    found = results(bench.grid, rows, tuple(MEASURES), by)
    measurement = measured(opened, found, device, today)
    presets = write_presets(found, by, MEASURES[by], bench.root)
    replace_file(bench.root / RESULTS, json.dumps(_plain(measurement, found, by), indent=1).encode())
    replace_file(bench.root / PAGE, page(opened, found, measurement, presets).encode())
    return Told(tuple(found), measurement, tuple(presets), bench.root / PAGE)


def remember(measurement: Measurement) -> None:
    """Keeps what `quality=85%` goes by in the user's cache folder; where that cannot be written, only the log says so.

    Args:
        measurement: of a finished bench.
    """
    if not measurement.settings:
        return
    path = path_of(measurement)
    try:
        make_folder(path.parent)
        replace_file(path, json.dumps(asdict(measurement)).encode())
    except Exception as error:
        log.warning("%s will not know of this bench: %s", "quality=85%", error)


def measured(opened: Opened, found: Sequence[Result], device: str, today: date) -> Measurement:
    """Returns the record of a bench: the settings at which every clip was made as it was asked for."""
    bench, clip = opened.bench, opened.clip
    return Measurement(
        version=VERSION,
        model=bench.config.model.name,
        identity=identity_of(bench.config.model),
        width=clip.width,
        height=clip.height,
        num_frames=clip.num_frames,
        full=bench.grid.full.name,
        baseline=bench.grid.baseline.name,
        measure=MEASURES[opened.by],
        prompts=max((one.clips for one in found), default=0),
        made=today.isoformat(),
        device=device,
        settings=tuple(_setting(one, opened.by) for one in found if _is_sound(one, opened.by)),
    )


def _is_sound(one: Result, by: str) -> bool:
    return bool(one.seconds) and one.speed is not None and by in one.kept and not one.failed and not one.degraded


def _setting(one: Result, by: str) -> MeasuredSetting:
    kept = one.kept[by]
    return MeasuredSetting(
        name=one.setting.name,
        quality=dict(one.setting.quality),
        seconds=one.seconds or 0.0,
        speed_up=one.speed.mean if one.speed else 0.0,
        kept=Bounds(mean=kept.mean, low=kept.low, high=kept.high),
    )


def _plain(measurement: Measurement, found: Sequence[Result], by: str) -> dict[str, Any]:
    """Returns bench.json: the measurement, and of each setting all that was measured (docs/bench.md)."""
    about = {key: value for key, value in asdict(measurement).items() if key not in ("settings", "published")}
    return {**about, "by": by, "measures": MEASURES, "settings": [asdict(one) for one in found]}
