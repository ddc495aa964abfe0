"""What a check says of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check of one clip, or of one segment.

    Attributes:
        check: its name, as in the config group `checks`.
        number: what was measured.
        limit: the threshold that it was judged by.
        result: passed, or what the config has it do where the limit is passed.
        says: a sentence that a person understands; empty where it passed.
    """

    check: str
    number: float
    limit: float
    result: Result
    says: str = ""
