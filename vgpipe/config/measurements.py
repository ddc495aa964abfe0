"""What settings of a model were measured to keep: by `bench` on this machine, or shipped with vgpipe."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field

from vgpipe.config.limits import record
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.validate import validate_as
from vgpipe.errors import ConfigError
from vgpipe.outside_file import read_outside
from vgpipe.user_cache import user_cache_folder

log = logging.getLogger(__name__)

VERSION = 1
"""Of the records: goes up where an older version of vgpipe would read one wrongly."""
FOLDER, SHIPPED = "bench", "frontiers"
MAX_BYTES = 4_000_000
OF_MODEL = (
    "family", "id", "revision", "variant", "dtype", "component_dtypes", "components", "loras", "scheduler",
    "pipeline_kwargs", "max_sequence_length",
)  # fmt: skip
"""What of a model's config changes what its settings are worth."""
Number = Annotated[float, Field(allow_inf_nan=False)]


@record
class Bounds:
    """A mean and its 95 % interval."""

    mean: Number
    low: Number
    high: Number


@record
class MeasuredSetting:
    """One setting of a grid."""

    name: str
    """What it is called: `steps=8`."""
    quality: dict[str, Any]
    """The keys of the group `quality` that it sets."""
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """What a clip takes."""
    speed_up: Number
    """How many times as fast as the full run."""
    kept: Bounds
    """The share that it keeps of what the full run adds over the baseline: (setting - baseline) / (full - baseline)."""


@record
class Published:
    """A figure that others published; it was not measured here, and nothing is chosen by it."""

    setting: str
    speed_up: Number
    figure: str
    source: str


@record
class Measurement:
    """The settings of one model, measured together."""

    version: int
    model: str
    identity: str = ""
    """Of the model's config; empty in what is shipped."""
    width: int = 0
    height: int = 0
    num_frames: int = 0
    full: str = ""
    """Name of the full run."""
    baseline: str = ""
    """Name of the baseline."""
    measure: str = ""
    """What was measured, in words."""
    prompts: int = 0
    made: str = ""
    """The day, ISO."""
    device: str = ""
    """Where."""
    settings: tuple[MeasuredSetting, ...] = ()
    published: tuple[Published, ...] = ()


class Source(Enum):
    """Where a measurement is from."""

    MACHINE = "bench of this machine"
    SHIPPED = "table that ships with vgpipe"


@dataclass(frozen=True, slots=True)
class Found:
    """A measurement, and where it is from."""

    source: Source
    measurement: Measurement


def identity_of(model: ModelConfig) -> str:
    """Returns what names a model among measurements: a digest of all of its config that changes what it makes."""
    facts = {name: value for name, value in asdict(model).items() if name in OF_MODEL}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def path_of(measurement: Measurement) -> Path:
    """Returns the file in the user's cache folder that holds a measurement of this machine."""
    shape = f"{measurement.width}x{measurement.height}x{measurement.num_frames}"
    return user_cache_folder() / FOLDER / f"{measurement.identity}-{shape}.json"


def find(model: ModelConfig, shape: tuple[int, int, int]) -> Found | None:
    """Returns what is known of a model: of this machine at this shape, at the shape measured last, or as shipped.

    Args:
        model: the model.
        shape: width, height and number of frames that are wanted.

    Returns:
        The measurement; None where there is none.
    """
    own = [one for one in map(_read, _files(identity_of(model))) if one is not None and one.settings]
    own.sort(key=lambda one: ((one.width, one.height, one.num_frames) == shape, one.made))
    if own:
        return Found(Source.MACHINE, own[-1])
    shipped = shipped_of(model)
    return None if shipped is None else Found(Source.SHIPPED, shipped)


def shipped_of(model: ModelConfig) -> Measurement | None:
    """Returns what ships with vgpipe of a model of its own options, unchanged; None for any other."""
    if not model.name.isidentifier():
        return None
    try:
        text = (resources.files("vgpipe.conf") / SHIPPED / f"{model.name}.yaml").read_text("utf-8")
    except OSError:
        return None
    values = yaml.safe_load(text)
    is_same = values.pop("id", None) == model.id and not (model.loras or model.components or model.single_file)
    return validate_as(Measurement, values) if is_same else None


def _files(identity: str) -> list[Path]:
    try:
        return sorted((user_cache_folder() / FOLDER).glob(f"{identity}-*.json"))
    except OSError:
        return []


def _read(path: Path) -> Measurement | None:
    """Returns what a file of the cache holds; None where another version wrote it or it is damaged."""
    try:
        values = json.loads(read_outside(path, max_bytes=MAX_BYTES))
        if not isinstance(values, Mapping) or values.get("version") != VERSION:
            return None
        return validate_as(Measurement, values)
    except (OSError, ValueError, RecursionError, ConfigError) as error:
        log.debug("%s is not used: %s", path, error)
        return None
