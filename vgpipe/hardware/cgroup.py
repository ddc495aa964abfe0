"""Reads how much memory and processor time this process's cgroup (container, systemd unit, batch job) allows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_UNLIMITED = 1 << 60  # version 1 writes a number near 2^63 for "no limit"


@dataclass(frozen=True, slots=True)
class _Files:
    """File names, which differ between the versions of cgroups."""

    limit: str
    used: str
    cache: str


_V2 = _Files("memory.max", "memory.current", "inactive_file")
_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


@dataclass(frozen=True, slots=True)
class CgroupMemory:
    """The tightest limits above a process.

    Attributes:
        limit_bytes: the lowest limit; None without a limit.
        room_bytes: the smallest amount that any level still allows; None without a limit.
    """

    limit_bytes: int | None = None
    room_bytes: int | None = None


def read(root: Path = ROOT, own: Path = OWN) -> CgroupMemory:
    """Reads every level from this process's cgroup up to the root, because each may hold the limit that applies.

    Args:
        root: where cgroups are mounted.
        own: the kernel's file that names this process's cgroups.

    Returns:
        The tightest limit and room; both None without a limit or without cgroups (macOS, Windows).
    """
    found = [level for files, folder in _levels(root, own) if (level := _level(files, folder))]
    if not found:
        return CgroupMemory()
    return CgroupMemory(min(limit for limit, _ in found), min(room for _, room in found))


def cores(root: Path = ROOT, own: Path = OWN) -> float | None:
    """Returns how many cores' time the tightest quota above this process allows it; None without a quota.

    Args:
        root: where cgroups are mounted.
        own: the kernel's file that names this process's cgroups.
    """
    version_2 = (_share(folder / "cpu.max") for folder in _folders(root, _path(own, "")))
    version_1 = (
        _share(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")
        for folder in _folders(root / "cpu", _path(own, "cpu"))
    )
    return min((share for share in (*version_2, *version_1) if share is not None), default=None)


def _share(*files: Path) -> float | None:
    """Returns quota / period, both in microseconds and in one file or two; None without a quota."""
    try:
        quota, period = (int(word) for path in files for word in path.read_text().split())
    except (OSError, ValueError):  # absent, or "max"
        return None
    return quota / period if quota > 0 and period > 0 else None


def _levels(root: Path, own: Path) -> Iterator[tuple[_Files, Path]]:
    for files, top, path in ((_V2, root, _path(own, "")), (_V1, root / "memory", _path(own, "memory"))):
        for folder in _folders(top, path):
            yield files, folder


def _folders(top: Path, path: str) -> Iterator[Path]:
    inner = Path(path.strip("/"))
    for part in (inner, *inner.parents):
        yield top / part


def _path(own: Path, controller: str) -> str:
    """Returns this process's cgroup under a controller, the root's if unknown."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        return ""
    found = [line[2] for line in lines if len(line) == 3 and controller in line[1].split(",")]
    # A container may report a path of its host, which it cannot see; ".." would leave the mount.
    return found[0] if found and ".." not in found[0].split("/") else ""


def _level(files: _Files, folder: Path) -> tuple[int, int] | None:
    """Returns (limit, room) of one cgroup in bytes, or None without a limit."""
    limit, used = _number(folder / files.limit), _number(folder / files.used)
    if limit is None or limit >= _UNLIMITED:
        return None
    # Cached file pages count as used, but the kernel frees them first; weights just read are such pages.
    taken = max(0, (used or 0) - _stat(folder / "memory.stat", files.cache))
    return limit, max(0, limit - taken)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # absent, or "max"
        return None


def _stat(path: Path, key: str) -> int:
    try:
        words = [line.split() for line in path.read_text().splitlines()]
        return next((int(word[1]) for word in words if len(word) == 2 and word[0] == key), 0)
    except (OSError, ValueError):
        return 0
