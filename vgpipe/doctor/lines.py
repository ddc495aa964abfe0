"""The lines of the report, and the order of its sections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The verdict of a line; `absent`: something optional that is not installed."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    ABSENT = "absent"


class Section(StrEnum):
    """The parts of the report, in order; the values appear in `--json`."""

    PACKAGES = "packages"
    VERSIONS = "versions"
    DEVICE = "device"
    ENCODERS = "encoders"
    PLACES = "places"
    MODELS = "models"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """The result of one check.

    Attributes:
        section: its part of the report.
        name: what was checked.
        status: the verdict.
        found: what was found.
        remedy: what to type or do; empty if nothing.
    """

    section: Section
    name: str
    status: Status
    found: str
    remedy: str = ""
