"""The settings of the frontier as options of the group `quality`, for `--config-dir`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from vgpipe.bench.results import Result
from vgpipe.bench.table import share
from vgpipe.config.kept_options import GROUP
from vgpipe.store.durable import make_folder, replace_file

FOLDER, PREFIX = "conf", "bench"


def write_presets(found: Sequence[Result], by: str, measure: str, root: Path) -> list[str]:
    """Writes an option for each setting of the frontier below `conf/quality/`, and removes those of before.

    Args:
        found: the settings.
        by: the measure of the frontier.
        measure: that measure in words.
        root: of the bench.

    Returns:
        The names of the options.

    Raises:
        StoreError: where one cannot be written.
        OSError: likewise.
    """
    folder = root / FOLDER / GROUP
    make_folder(folder)
    best = [one for one in found if one.is_on_frontier]
    names = {option_of(one.setting.name): one for one in best}
    for path in folder.glob(f"{PREFIX}_*.yaml"):
        if path.stem not in names:
            path.unlink(missing_ok=True)
    for name, one in names.items():
        replace_file(folder / f"{name}.yaml", _text(one, by, measure).encode())
    return list(names)


def option_of(setting: str) -> str:
    """Returns the name of a setting's option: `bench_steps8_guidance1`."""
    return f"{PREFIX}_{re.sub(r'[^a-z0-9.]+', '_', setting.lower().replace('=', ''))}"


def _text(one: Result, by: str, measure: str) -> str:
    speed = "" if one.speed is None else f", {one.speed.mean:.2f} times as fast as the full run"
    told = f"# {one.setting.name}: {share(one.kept.get(by))} of what the full run adds, by {measure}{speed}."
    values = yaml.safe_dump(dict(one.setting.quality), sort_keys=False)
    return f"{told}\n# Measured by bench with {one.clips} clips.\n{values}"
