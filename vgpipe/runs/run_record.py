"""What a run was started with, in run.json: resuming it refuses a config or clips that are no longer those."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from vgpipe.errors import Fault, UsageError
from vgpipe.outside_file import OutsideFileError, Refusal, read_outside
from vgpipe.store.clip_lines import ClipLines
from vgpipe.store.durable import replace_file
from vgpipe.store.rundir import DOES_NOT_FIT, MAX_NAMED, RunDir
from vgpipe.store.seal import Seal, seal_of, sealed
from vgpipe.units import MIB

log = logging.getLogger(__name__)

SCHEMA, MAX_BYTES, MAX_FAULTS = 1, 64 * MIB, 10
MAY_CHANGE = (
    *("run.until", "run.budget", "run.degrade", "run.plan", "run.on_end"),
    *("store.dir", "store.max_gb", "notify.on", "notify.stall_after"),
)
"""Keys of config.yaml that change no bit of a clip: limits that `resume` takes, where the store is, what is sent."""
AGAIN = "run the job again: what is finished is in the store, and is not made again"
UNCHECKED = "an older version began this run: nobody can tell whether its clips.jsonl or config.yaml changed since"
TYPABLE = re.compile(r"[\w./+-]+")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run was started with.

    Attributes:
        config: the values of its config.yaml.
        clips: the ids of its clips, in job order.
        added: of clips that were added while it rendered; those that it had not yet recorded when it was killed have no
            line in clips.jsonl.
        picked: of drafts that are to be continued to the end.
    """

    config: Mapping[str, Any]
    clips: tuple[str, ...]
    added: tuple[str, ...] = ()
    picked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the directory of a run says, checked as far as it can be.

    Attributes:
        records: the newest record of each clip, in job order.
        is_checked: whether all was compared with run.json, which older versions did not write.
        picked: ids of the drafts that are to be continued to the end.
    """

    records: tuple[dict[str, Any], ...]
    is_checked: bool
    picked: frozenset[str] = frozenset()


def write(run_dir: RunDir, config: Mapping[str, Any], clips: Iterable[str]) -> None:
    """Writes run.json; comes before clips.jsonl, so that a directory with clips has it.

    Args:
        run_dir: of the run.
        config: the values of its config.yaml.
        clips: the ids of its clips, in job order.

    Raises:
        StoreError: where the directory cannot be written.
    """
    _write(run_dir, RunRecord(config, tuple(clips)))


def add(run_dir: RunDir, clips: Iterable[str]) -> None:
    """Notes clips that are added to a run while it renders; comes before their lines in clips.jsonl.

    Args:
        run_dir: of the run.
        clips: their ids, in job order.

    Raises:
        StoreError: where the directory cannot be written.
    """
    started = _read(run_dir)
    if started is not None:
        _write(run_dir, replace(started, added=tuple(dict.fromkeys((*started.added, *clips)))))


def pick(run_dir: RunDir, clips: Iterable[str]) -> None:
    """Notes drafts that are to be continued to the end; from then on `resume` finishes them too.

    Args:
        run_dir: of the run.
        clips: their ids.

    Raises:
        StoreError: where the directory cannot be written.
    """
    started = _read(run_dir)
    if started is not None:
        _write(run_dir, replace(started, picked=tuple(dict.fromkeys((*started.picked, *clips)))))


def _write(run_dir: RunDir, record: RunRecord) -> None:
    others = {name: list(ids) for name in ("added", "picked") if (ids := getattr(record, name))}
    document = {"schema": SCHEMA, "clips": list(record.clips), **others, "config": record.config}
    replace_file(run_dir.record, sealed(json.dumps(document, ensure_ascii=False).encode()) + b"\n")


def checked(run_dir: RunDir, config: Mapping[str, Any]) -> Recorded:
    """Reads the records of a run's clips, and refuses what does not fit what the run was started with.

    Args:
        run_dir: of the run.
        config: the values of its config.yaml.

    Raises:
        UsageError: naming each key, line and clip that does not fit, and what to do.
    """
    started = _read(run_dir)
    lines = run_dir.read_lines(must_be_sealed=started is not None)
    for line in lines.damaged:
        log.warning("%s", run_dir.described(line))
    if started is None:
        if lines.is_sealed:
            raise UsageError(f"{run_dir.record} is missing, so that nobody can tell which clips the run has -> {AGAIN}")
        return Recorded(tuple(line.record for line in lines.newest.values()), is_checked=False)
    found = [*_changed_keys(run_dir, started.config, config), *_line_faults(run_dir, started, lines)]
    if found:
        more = [Fault(str(run_dir.root), f"and {len(found) - MAX_FAULTS} more")] if len(found) > MAX_FAULTS else []
        raise UsageError(f"{run_dir.root} is not as it was: nothing was started", [*found[:MAX_FAULTS], *more])
    clips = (*started.clips, *(clip for clip in started.added if clip in lines.newest))
    records = tuple(lines.newest[clip].record for clip in clips)
    return Recorded(records, is_checked=True, picked=frozenset(started.picked))


def _read(run_dir: RunDir) -> RunRecord | None:
    path = run_dir.record
    try:
        data = read_outside(path, max_bytes=MAX_BYTES)
        if seal_of(data) is not Seal.WHOLE:
            raise UsageError(f"{path} {DOES_NOT_FIT} -> {AGAIN}")
        document = json.loads(data)
        config, clips = document["config"], document["clips"]
        added, picked = document.get("added", []), document.get("picked", [])
        if isinstance(config, dict) and all(map(_are_ids, (clips, added, picked))):
            return RunRecord(config, tuple(clips), tuple(added), tuple(picked))
    except OutsideFileError as error:
        if error.refusal is Refusal.MISSING:
            return None
        raise UsageError(f"{path} cannot be read: {error} -> {AGAIN}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise UsageError(f"{path} does not say what a run was started with -> {AGAIN}")


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(clip, str) for clip in value)


def _changed_keys(run_dir: RunDir, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Fault]:
    old, new = dict(_leaves(before)), dict(_leaves(now))
    for key in dict.fromkeys((*old, *new)):
        if key in MAY_CHANGE or (key in old and key in new and old[key] == new[key]):
            continue
        value = new.get(key)
        typed = str(value).lower() if isinstance(value, bool) else str(value)
        other = f"{key}={typed}" if key in new and TYPABLE.fullmatch(typed) else "the other value"
        remedy = f"put the first one back, or start a new run with {other}"
        yield Fault(f"{run_dir.config}: {key[:MAX_NAMED]}", f"was {_shown(old, key)}, is {_shown(new, key)}", remedy)


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False)[:MAX_NAMED] if key in values else "not there"


def _line_faults(run_dir: RunDir, started: RunRecord, lines: ClipLines) -> list[Fault]:
    """Returns what is wrong with the clips: a damaged line counts unless a later line of its clip is whole."""
    faults, told = [], set[str]()
    for line in lines.damaged:
        whole = lines.newest.get(line.clip)
        if line.clip and (whole is None or whole.number < line.number):
            told.add(line.clip)
            where = f"{run_dir.clips}:{line.number}"
            faults.append(Fault(where, f"clip {line.clip[:MAX_NAMED]!r}: the line {DOES_NOT_FIT}", AGAIN))
    known = {*started.clips, *started.added}
    strange = [line for clip, line in lines.newest.items() if clip not in known]
    for line in strange:
        where = f"{run_dir.clips}:{line.number}"
        faults.append(Fault(where, f"clip {line.clip[:MAX_NAMED]!r} is not one that the run was started with", AGAIN))
    torn = _numbers([line.number for line in lines.damaged if not line.clip])
    for clip in started.clips:
        if clip not in lines.newest and clip not in told:
            faults.append(Fault(str(run_dir.clips), f"clip {clip!r} has no line that can be read{torn}", AGAIN))
    return faults


def _numbers(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    return f" (damaged: line {', '.join(map(str, islice(numbers, MAX_FAULTS)))})"
