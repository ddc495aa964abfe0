"""Checks the folders that are written to: disk space, write access, and the content of the hub cache."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.outside_file import expanded
from vgpipe.units import GIB, format_size

NO_ROOM_BYTES, LITTLE_ROOM_BYTES = GIB, 10 * GIB
COUNTING_S = 2.0  # a cache on a network disk may have a hundred thousand files


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that vgpipe writes to.

    Attributes:
        name: in the report.
        folder: its path.
        remedy: how to choose another one.
    """

    name: str
    folder: Path
    remedy: str


def place_lines(outputs: Path, store: Path) -> list[ReportLine]:
    """Returns lines for the folders of outputs, store and hub cache; writes and removes a small file in each.

    Args:
        outputs: where runs are written; need not exist.
        store: where artifacts are kept; need not exist.
    """
    places = (
        Place("outputs", outputs, "choose another: hydra.run.dir=DIR"),
        Place("store", store, "choose another: store.dir=DIR"),
        Place("hub cache", hub_cache(os.environ), "choose another: export HF_HOME=DIR"),
    )
    lines = [line for place in places for line in (_write_line(place), _room_line(place))]
    return [*lines, _content_line(places[2].folder), _hub_line(os.environ)]


def hub_cache(environment: Mapping[str, str]) -> Path:
    """Returns the hub cache of huggingface_hub, by its rules, without importing it."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environment.get(variable):
            return expanded(environment[variable])
    above = expanded(environment.get("XDG_CACHE_HOME") or "~/.cache")
    return expanded(environment.get("HF_HOME") or above / "huggingface") / "hub"


def shown(path: Path) -> str:
    """Returns a short form of a path: relative to the working directory or the home folder."""
    absolute = path.absolute()
    for start, prefix in ((Path.cwd(), ""), (_home(), "~/")):
        if start is not None and absolute.is_relative_to(start) and absolute != start:
            return f"{prefix}{absolute.relative_to(start).as_posix()}"
    return str(absolute)


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # no home folder in this account
        return None


def _write_line(place: Place) -> ReportLine:
    wrong = _why_not_writable(place.folder)
    name = f"{place.name}: write"
    if wrong:
        return ReportLine(Section.PLACES, name, Status.BROKEN, f"{shown(place.folder)}: {wrong}", place.remedy)
    state = "writable" if place.folder.exists() else "does not exist yet, can be created"
    return ReportLine(Section.PLACES, name, Status.OK, f"{shown(place.folder)}: {state}")


def _why_not_writable(folder: Path) -> str:
    existing = _nearest(folder)
    if not existing.is_dir():
        return "is a file" if existing == folder.absolute() else f"{shown(existing)} is a file"
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"vgpipe")
            file.flush()
    except OSError as error:
        return f"cannot be written ({error.strerror or error})"
    return ""


def _nearest(folder: Path) -> Path:
    """Returns the folder, or its nearest existing parent."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if os.path.lexists(path))


def _room_line(place: Place) -> ReportLine:
    name = f"{place.name}: disk"
    try:
        free_bytes = shutil.disk_usage(_nearest(place.folder)).free
    except OSError as error:
        return ReportLine(Section.PLACES, name, Status.WARNING, f"free disk space is unknown ({error.strerror})")
    found = f"{format_size(free_bytes)} free"
    if free_bytes < NO_ROOM_BYTES:
        return ReportLine(Section.PLACES, name, Status.BROKEN, found, f"free some, or {place.remedy}")
    if free_bytes < LITTLE_ROOM_BYTES:
        return ReportLine(Section.PLACES, name, Status.WARNING, found, f"free some, or {place.remedy}")
    return ReportLine(Section.PLACES, name, Status.OK, found)


def _content_line(cache: Path) -> ReportLine:
    name = "hub cache: content"
    if not cache.is_dir():
        return ReportLine(Section.PLACES, name, Status.OK, "empty")
    models = sum(1 for path in cache.glob("models--*") if path.is_dir())
    size, unfinished, complete = _count(cache)
    found = f"{models} models, {'' if complete else 'more than '}{format_size(size)}"
    if unfinished:
        found += f", {unfinished} unfinished downloads (the next run resumes them)"
    return ReportLine(Section.PLACES, name, Status.OK, found)


def _count(folder: Path) -> tuple[int, int, bool]:
    """Returns (bytes, unfinished downloads, whether counting finished in time)."""
    ends_s = time.monotonic() + COUNTING_S
    size = unfinished = 0
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.is_symlink():  # snapshots only link to blobs
                continue
            try:
                size += path.stat().st_size
            except OSError:
                continue
            unfinished += name.endswith(".incomplete")
        if time.monotonic() > ends_s:
            return size, unfinished, False
    return size, unfinished, True


def _hub_line(environment: Mapping[str, str]) -> ReportLine:
    name = "hub: network"
    offline = environment.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    if not offline:
        endpoint = environment.get("HF_ENDPOINT", "")
        return ReportLine(Section.PLACES, name, Status.OK, f"allowed{f', from {endpoint}' if endpoint else ''}")
    found = "HF_HUB_OFFLINE is set: only models in the cache or in a folder can be loaded"
    cache = hub_cache(environment)
    if cache.is_dir() and any(cache.glob("models--*")):
        return ReportLine(Section.PLACES, name, Status.OK, found)
    return ReportLine(Section.PLACES, name, Status.WARNING, f"{found}; the cache is empty", "unset HF_HUB_OFFLINE")
