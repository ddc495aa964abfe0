"""Reads picks.json, which the page of a run saves: the clips that somebody picked, starred and wrote notes about."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.errors import ConfigError, Fault
from vgpipe.outside_file import OutsideFileError, expanded, local_path, read_outside
from vgpipe.units import MIB, counted

SUFFIX, SCHEMA = ".json", 1
MAX_BYTES, MAX_CLIPS, MAX_ID = 16 * MIB, 100_000, 300
PICK = re.compile(r"p[0-9a-f]{8}")
REMEDY = "save it again on the run's report.html, or type the picks: 'pick=[p0123abcd]'"


@dataclass(frozen=True, slots=True)
class Picked:
    """A clip that was picked.

    Attributes:
        id: of the clip in the run whose page saved the file.
        pick: its pick, which clips of other runs of the job share; "" where the page knew none.
    """

    id: str
    pick: str


def names_file(text: str) -> bool:
    """Returns whether the value of `pick` names a file rather than picks."""
    return text.lower().endswith(SUFFIX) and not text.startswith("[")


def read_picks(given: str) -> tuple[Picked, ...]:
    """Returns the clips that a file says are picked, each once.

    Args:
        given: the path as it was typed.

    Raises:
        ConfigError: where it cannot be read, is no such file, or has no picked clip.
    """
    try:
        document = json.loads(read_outside(expanded(local_path(given)), max_bytes=MAX_BYTES))
    except OutsideFileError as error:
        raise _wrong(given, str(error)) from None
    except (ValueError, RecursionError):
        raise _wrong(given, "it is no JSON") from None
    if (
        not isinstance(document, dict)
        or document.get("schema") != SCHEMA
        or not isinstance(document.get("clips"), list)
    ):
        raise _wrong(given, f'it is no picks.json: an object with "schema": {SCHEMA} and "clips": [...] is needed')
    if len(document["clips"]) > MAX_CLIPS:
        raise _wrong(given, f"it has {len(document['clips'])} clips; at most {MAX_CLIPS} are read")
    found = [_picked(given, number, one) for number, one in enumerate(document["clips"])]
    picked = tuple(dict.fromkeys(one for one in found if one is not None))
    if not picked:
        raise _wrong(given, 'none of its clips has "picked": true')
    return picked


def picks_in(given: str) -> tuple[str, ...]:
    """Returns the picks that a file names, each once, as the config has them.

    Args:
        given: the path as it was typed.

    Raises:
        ConfigError: as `read_picks`, and where a picked clip has no pick.
    """
    found = read_picks(given)
    unnamed = [one.id for one in found if not one.pick]
    if unnamed:
        what = f"{counted(len(unnamed), 'picked clip')} in it have no pick by which a job finds them: {unnamed[0]}"
        raise _wrong(given, what)
    return tuple(dict.fromkeys(one.pick for one in found))


def _picked(given: str, number: int, entry: Any) -> Picked | None:
    if not isinstance(entry, dict):
        raise _wrong(given, f"clips[{number}] is no object")
    if entry.get("picked") is not True:
        return None
    name, pick = entry.get("id", ""), entry.get("pick") or ""
    if not isinstance(name, str) or len(name) > MAX_ID or not isinstance(pick, str) or not (name or pick):
        raise _wrong(given, f'clips[{number}] has neither an "id" nor a "pick"')
    if pick and not PICK.fullmatch(pick):
        raise _wrong(given, f'clips[{number}]: {pick[:MAX_ID]!r} is no "pick": p and 8 hexadecimal digits')
    return Picked(name, pick)


def _wrong(given: str, what: str) -> ConfigError:
    return ConfigError("invalid picks; nothing was started", [Fault("pick", f"{Path(given).name!r}: {what}", REMEDY)])
