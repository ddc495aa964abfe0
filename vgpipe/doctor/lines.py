"""One line of the report, and the order of its sections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a line stands; `absent` is something optional that is not there."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    ABSENT = "absent"


class Section(StrEnum):
    """The parts of the report, in order; the value is what `--json` calls them."""

    PACKAGES = "packages"
    VERSIONS = "versions"
    DEVICE = "device"
    ENCODERS = "encoders"
    PLACES = "places"
    MODELS = "models"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One thing that was looked at.

    Attributes:
        section: the part of the report it stands in.
        name: what was looked at.
        status: how it stands.
        found: what was found.
        remedy: what to type or do; empty where nothing is to be done.
    """

    section: Section
    name: str
    status: Status
    found: str
    remedy: str = ""
