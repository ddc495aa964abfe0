"""Damage to the files of a store and of a run: each function changes one file, or what stands in its place."""

from __future__ import annotations

import filecmp
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Damage = Callable[[Path, random.Random, list[Path]], bool]
"""Given a file, dice and all files; says whether it has changed anything."""
STRANGE: tuple[Any, ...] = (None, [], {}, "", -1, 10**400, 1.5, float("nan"), float("inf"), True, "\0", [[]], {"a": []})
BOMB = "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]"] + [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in
                 zip("abcdefghi", "bcdefghij", strict=True)])  # fmt: skip


def flipped(path: Path, dice: random.Random, _files: list[Path]) -> bool:
    """Flips one to eight bits; sometimes without a trace in the file's times, as a failing disk does."""
    data, before = bytearray(path.read_bytes()), path.stat()
    for _ in range(dice.choice([1, 1, 8]) if data else 0):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    if dice.random() < 0.5:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return bool(data)


def cut(path: Path, dice: random.Random, _files: list[Path]) -> bool:
    """Cuts a file at any length, or leaves nothing of it."""
    size = path.stat().st_size
    os.truncate(path, dice.choice([0, dice.randrange(max(1, size))]))
    return size > 0


def zeroed(path: Path, dice: random.Random, _files: list[Path]) -> bool:
    """Writes zeros over a part of a file, as a lost block."""
    data = bytearray(path.read_bytes())
    start = dice.randrange(max(1, len(data)))
    length = min(len(data) - start, dice.choice([1, 64, 512, len(data)]))
    data[start : start + length] = bytes(length)
    path.write_bytes(data)
    return length > 0


def appended(path: Path, dice: random.Random, _files: list[Path]) -> bool:
    """Adds bytes that are no text."""
    with path.open("ab") as file:
        file.write(dice.choice([b"\xff\xfe\x00", b"\n\n", b"garbage\n", b"[" * 100_000 + b"\n"]))
    return True


def deleted(path: Path, _dice: random.Random, _files: list[Path]) -> bool:
    """Removes a file."""
    path.unlink()
    return True


def folder_deleted(path: Path, _dice: random.Random, _files: list[Path]) -> bool:
    """Removes the folder that a file is in."""
    shutil.rmtree(path.parent)
    return True


def swapped(path: Path, dice: random.Random, files: list[Path]) -> bool:
    """Exchanges two files of one name."""
    others = [one for one in files if one.suffix == path.suffix and one != path]
    if not others:
        return False
    other = dice.choice(others)
    ours, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(ours)
    return ours != theirs


def of_another(path: Path, dice: random.Random, files: list[Path]) -> bool:
    """Puts the whole folder of another artifact or clip in place of this one."""
    ours = path.parent
    depth = 3 if len(ours.parent.name) == 2 else 2  # of an artifact, or of a clip's frames
    others = {one.parent for one in files if one.parents[depth - 1] == path.parents[depth - 1] and one.parent != ours}
    if not others or len(ours.name) < 10:
        return False
    shutil.rmtree(ours)
    shutil.copytree(dice.choice(sorted(others)), ours)
    return True


def in_its_place(path: Path, dice: random.Random, _files: list[Path]) -> bool:
    """Puts a pipe, a folder, a loop of links, or a link to something endless in place of a file."""
    path.unlink()
    thing = dice.choice(["pipe", "folder", "loop", "endless"])
    if thing == "pipe":
        os.mkfifo(path)
    elif thing == "folder":
        path.mkdir()
    else:
        path.symlink_to(path if thing == "loop" else "/dev/zero")
    return True


def retyped(path: Path, dice: random.Random, _files: list[Path]) -> bool:
    """Gives a value in JSON or YAML another type, a number without end, or a depth without end."""
    if path.suffix not in (".json", ".jsonl", ".yaml"):
        return False
    text = path.read_text("utf-8", "replace")
    lines = text.splitlines() if path.suffix == ".jsonl" else [text]
    if not text:
        return False
    at = dice.randrange(len(lines))
    lines[at] = _retyped_yaml(lines[at], dice) if path.suffix == ".yaml" else _retyped_json(lines[at], dice)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return True


def lines_changed(path: Path, dice: random.Random, _files: list[Path]) -> bool:
    """Repeats, drops, cuts, joins or mixes the lines of a file, or changes a word of one."""
    before = path.read_text("utf-8", "replace").splitlines() if path.suffix in (".jsonl", ".yaml") else []
    if len(before) < 2:
        return False
    lines, at = list(before), dice.randrange(len(before) - 1)
    line, change = lines[at], dice.choice(["repeat", "drop", "cut", "mix", "word", "join"])
    if change == "repeat":
        lines.append(line)
    elif change == "mix":
        dice.shuffle(lines)
    else:
        changed = {
            "drop": [],
            "cut": [line[: len(line) // 2]],
            "word": [line.replace("red", "blue").replace("32", "33").replace(": 0", ": 1")],
            "join": [line + lines[at + 1]],
        }
        lines[at : at + (2 if change == "join" else 1)] = changed[change]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return lines != before


DAMAGES: tuple[Damage, ...] = (
    flipped, cut, zeroed, appended, deleted, folder_deleted, swapped, of_another, in_its_place, retyped, lines_changed,
)  # fmt: skip


def files_below(*roots: Path) -> list[Path]:
    """Returns the files of a store and a run; those of the lock and of what was damaged before excepted."""
    found = (path for root in roots for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in found if path.name != ".lock" and "bad-" not in str(path)]


def changed(before: Path, after: Path) -> list[Path]:
    """Returns the files that are no longer what they were, relative to the folder."""
    files = [path.relative_to(before) for path in files_below(before)]
    return [one for one in files if not _is_same(before / one, after / one)]


def _is_same(one: Path, other: Path) -> bool:
    return other.is_file() and not other.is_symlink() and filecmp.cmp(one, other, shallow=False)


def names_of(paths: list[Path]) -> set[str]:
    """Returns what a message may call damaged files: by file or by artifact, or by the run where that is gone."""
    gone = {"run"} if Path("run/clips.jsonl") in paths else set()
    return gone | {
        name for path in paths for name in (path.name, path.parent.name[:12]) if name not in ("run", ".store")
    }


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in list(items):
        yield value, key
        yield from _leaves(below)


def _retyped_json(text: str, dice: random.Random) -> str:
    if dice.random() < 0.2:
        return dice.choice(["[" * 200_000, '{"clip":' * 100_000, "[]", "null", '"a"', "9" * 10_000, "NaN"])
    try:
        value = json.loads(text)
    except ValueError:
        return "[]"
    places = list(_leaves(value))
    if not places:
        return "[]"
    container, key = dice.choice(places)
    container[key] = dice.choice([one for one in STRANGE if one != container[key]])
    return json.dumps(value)


def _retyped_yaml(text: str, dice: random.Random) -> str:
    if dice.random() < 0.3:
        home = "store: {dir: ~nosuchuser/x}"
        return text + "\n" + dice.choice([BOMB, "x: " + "[" * 50_000, "- 1", "\0", "? {a: [}", home])
    lines = text.splitlines()
    at = dice.choice([number for number, line in enumerate(lines) if ": " in line] or [0])
    values = ("[]", "{}", ".nan", ".inf", "-1", "1e400", "'~nosuchuser/x'", '"\\0"', "!!python/name:os.system")
    lines[at] = f"{lines[at].partition(': ')[0]}: {dice.choice(values)}"
    return "\n".join(lines)
