"""What the directory of a run keeps of how it was started: its config, and its clips as they were asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from vgpipe.clips.clip_record import clip_of_record
from vgpipe.config.schema import Config
from vgpipe.config.validate import validate_config
from vgpipe.errors import UsageError, first_line
from vgpipe.job.clip import Clip
from vgpipe.outside_file import read_outside
from vgpipe.store.plain_yaml import read_yaml
from vgpipe.store.rundir import RunDir
from vgpipe.units import MIB

MAX_CONFIG_BYTES = 4 * MIB


def saved_values(run_dir: RunDir) -> dict[str, Any]:
    """Returns the values of a run's config.yaml, unchecked.

    Raises:
        UsageError: where it cannot be read.
    """
    try:
        # Through JSON, in which run.json has them: a key that is a number becomes text.
        values = json.loads(json.dumps(read_yaml(read_outside(run_dir.config, max_bytes=MAX_CONFIG_BYTES).decode())))
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"{run_dir.config} cannot be read ({first_line(error)}) -> run the job again") from None
    return values if isinstance(values, dict) else {}


def saved_config(run_dir: RunDir) -> Config:
    """Returns the config of a run.

    Raises:
        UsageError: where it cannot be read or is invalid.
    """
    return validate_config(saved_values(run_dir))


def saved_clip(run_dir: RunDir, record: Mapping[str, Any]) -> Clip:
    """Returns the clip that a line of clips.jsonl describes.

    Args:
        run_dir: of the run.
        record: the line.

    Raises:
        UsageError: where it describes none.
    """
    try:
        return clip_of_record(record)
    except ValueError as error:
        raise UsageError(f"{run_dir.clips}: clip {str(record['clip'])[:80]!r}: {error} -> run the job again") from None


def saved_clips(run_dir: RunDir) -> tuple[Clip, ...]:
    """Returns the clips of a run as they were asked for, in job order.

    Raises:
        UsageError: where the directory holds no run, or a line describes no clip.
    """
    return tuple(saved_clip(run_dir, line.record) for line in run_dir.read_lines().newest.values())
