"""What a worker with a store of its own asks the driver's store; each request has one answer.

Files travel in parts, so that neither side holds more than one part of a file in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vgpipe.store.digest import Key
from vgpipe.units import MIB

PART_BYTES = 4 * MIB


@dataclass(frozen=True, slots=True)
class Loose:
    """A file that is no artifact.

    Attributes:
        name: a checkpoint's path below its store, or the SHA-256 of an image that clips begin with.
    """

    name: str


Name = Key | Loose


@dataclass(frozen=True, slots=True)
class Wanted:
    """Asks for an artifact or a file; answered by `Found`, or by None where the driver has none.

    Attributes:
        name: which.
        done_steps: of a checkpoint, how far the worker's own is: one that is no further is not wanted.
    """

    name: Name
    done_steps: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The files of an artifact, its record included, or the one file: name -> size in bytes."""

    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PartWanted:
    """Asks for `PART_BYTES` of a file that was found, from an offset on; answered by bytes, fewer at its end."""

    name: Name
    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class Offered:
    """Asks whether the driver wants an artifact or a checkpoint; answered by a bool.

    Attributes:
        name: which.
        done_steps: of a checkpoint, how far it is.
    """

    name: Name
    done_steps: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """Hands over the next bytes of a file of what was offered; answered by None."""

    name: Name
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """Says that all files of what was offered were sent; answered by None once they are on the driver's disk.

    Attributes:
        name: which.
        sha256: of a checkpoint's bytes; an artifact's record has those of its files.
    """

    name: Name
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """Has an artifact or a checkpoint removed from the driver's store; answered by None."""

    name: Name


Request = Wanted | PartWanted | Offered | Sent | Whole | Gone


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a request that cannot be met."""

    reason: str


Answer = Found | Refused | bytes | bool | None
