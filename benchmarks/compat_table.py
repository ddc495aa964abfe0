"""What compat.py measured: how a run is judged, and the table."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NAMED = ("torch", "diffusers", "transformers")
SHOWN = (*NAMED, "huggingface_hub", "tokenizers", "accelerate", "numpy")
FRAMES_WITHIN = 8.0  # mean absolute difference of 8-bit levels; what has another cause than arithmetic is far more
TENSORS_WITHIN = 0.05  # of the reference's norm: a release may have changed a schedule a little
SAME_BELOW = 0.01  # bfloat16 rounds by less
FLAT_BELOW = 1.0  # standard deviation over a clip; black and NaN have 0
WORKS, REFUSES, BREAKS = "works", "refuses", "breaks"


@dataclass(frozen=True)
class Row:
    """One combination of versions; `pins` are (package, version)."""

    pins: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """What it is called in messages and folders: `torch2.6.0-diffusers0.36.0-transformers4.51.3+2`."""
        named = [package + version for package, version in self.pins if package in NAMED]
        others = len(self.pins) - len(named)
        return "-".join(named) + (f"+{others}" if others else "")


@dataclass(frozen=True)
class Outcome:
    """What became of one case: a verdict and its reason, empty where all is as in the reference row."""

    verdict: str
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code (negative: killed by that signal), texts, last record of every clip."""

    code: int
    out: str
    err: str
    records: tuple[dict[str, Any], ...] = ()


def parse_matrix(text: str) -> list[Row]:
    """Reads one row a line, `package==version` each; torch, diffusers and transformers must be named."""
    rows = []
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        pins = [pin.split("==") for pin in line.split()]
        if any(len(pin) != 2 or not all(pin) for pin in pins):
            raise SystemExit(f"{line!r}: every entry must be package==version")
        if missing := set(NAMED) - {package for package, _ in pins}:
            raise SystemExit(f"{line!r}: lacks {', '.join(sorted(missing))}")
        rows.append(Row(tuple((package, version) for package, version in pins)))
    if len({row.name for row in rows}) < len(rows):
        raise SystemExit("a row of the matrix is there twice")
    return rows


def classify(ran: Ran, fault: str = "", note: str = "") -> Outcome:
    """Judges what a command left; `fault` says what is wrong with its frames, `note` what is worth knowing."""
    if ran.code < 0:
        return Outcome(BREAKS, f"killed by {signal.Signals(-ran.code).name}")
    if "Traceback (most recent call last)" in ran.err:
        return Outcome(BREAKS, f"traceback: {ran.err.strip().splitlines()[-1]}")
    if ran.code == 0:
        return _judge_done(ran, fault, note)
    messages = (
        _refusals(ran.err) if ran.code == 2 else [str(one["error"]) for one in ran.records if one["state"] == "failed"]
    )
    if ran.code not in (1, 2) or not messages:
        return Outcome(BREAKS, f"exit code {ran.code}: {(ran.err.strip().splitlines() or ['no message'])[-1]}")
    unclear = [line for line in messages if " -> " not in line or "\n" in line]
    if unclear:
        return Outcome(BREAKS, f"names no remedy: {unclear[0]}")
    return Outcome(REFUSES, "; ".join(dict.fromkeys(messages)))


def _judge_done(ran: Ran, fault: str, note: str) -> Outcome:
    if not ran.records or any(record["state"] != "done" for record in ran.records):
        return Outcome(BREAKS, "exit code 0, yet not every clip is done")
    if fault:
        return Outcome(BREAKS, fault)
    degraded = dict.fromkeys(str(one) for record in ran.records for one in record["degradations"])
    return Outcome(WORKS, "; ".join([*degraded, *filter(None, [note])]))


def _refusals(err: str) -> list[str]:
    """Returns the message after `vgpipe: `: its faults where it lists some, one a line, else itself."""
    _, said, message = ("\n" + err.strip()).rpartition("\nvgpipe: ")
    faults = [line.strip() for line in message.splitlines() if line.startswith("  ")]
    return faults or ([message] if said else [])


def pip_refusal(err: str) -> str:
    """Returns in one line why pip found no set of versions."""
    needs = re.findall(r"^\s+(\S+ \S+) depends on (.+)$", err, re.MULTILINE)
    asked = re.findall(r"^\s+The user requested \(constraint\) (\S+)", err, re.MULTILINE)
    if needs:
        conflicts = [*(f"{one} needs {needed}" for one, needed in needs), *(f"{one} was asked for" for one in asked)]
        return "pip: " + ", ".join(dict.fromkeys(conflicts))
    errors = [line for line in err.splitlines() if line.startswith("ERROR")]
    return f"pip: {(errors or ['installing failed'])[0].removeprefix('ERROR: ')}"


def fault_in(clips: dict[str, Any], reference: dict[str, Any]) -> str:
    """Says what is wrong with the frames of a run, nothing where they are right.

    Args:
        clips: name -> (T, H, W, 3) uint8.
        reference: the same of the reference row; empty where that row has none.
    """
    for name, frames in clips.items():
        if frames.std() < FLAT_BELOW:
            return f"the frames of {name} are all of one colour"
        if name not in reference:
            continue
        if frames.shape != reference[name].shape:
            return f"{name} is {frames.shape}, in the reference row {reference[name].shape}"
        apart = abs(frames.astype("float32") - reference[name]).mean()
        if not apart <= FRAMES_WITHIN:
            return f"the frames of {name} differ from the reference row's by {apart:.1f} of 255 on average"
    return "" if clips else "there are no frames"


def drift(tensors: dict[str, Any], reference: dict[str, Any]) -> tuple[str, str]:
    """Compares what was encoded and denoised with the reference row's; returns a fault and a note, mostly empty.

    Args:
        tensors: name -> float array.
        reference: the same of the reference row.
    """
    note = ""
    for name, tensor in tensors.items():
        wanted = reference.get(name)
        if wanted is None:
            continue
        if tensor.shape != wanted.shape:
            return f"{name} is {tensor.shape}, in the reference row {wanted.shape}", ""
        apart = float(((tensor - wanted) ** 2).sum() ** 0.5 / (wanted**2).sum() ** 0.5)
        if not apart <= TENSORS_WITHIN:  # NaN is on no side
            return f"{name} differ from the reference row's by {apart:.0%}", ""
        if apart > SAME_BELOW:
            note = f"the {name} are within {TENSORS_WITHIN:.0%} of the reference row's, not the same"
    return "", note


def markdown(results: Sequence[dict[str, Any]], groups: dict[str, list[str]]) -> str:
    """Draws the table, one line a row of the matrix, and under it what its numbers stand for.

    Args:
        results: as saved: `pins`, `installed`, `setup` (why pip refused) and `outcomes`, case -> Outcome as a dict.
        groups: column -> its cases.
    """
    notes: dict[str, int] = {}
    lines = ["| " + " | ".join([*SHOWN, *groups]) + " |", "|" + " --- |" * (len(SHOWN) + len(groups))]
    for result in results:
        versions = [result["installed"].get(name) or dict(result["pins"]).get(name, "-") for name in SHOWN]
        if result["setup"]:
            cells = [_cell([Outcome(REFUSES, result["setup"])], notes)] * len(groups)
        else:
            cells = [
                _cell([Outcome(**result["outcomes"][case]) for case in cases if case in result["outcomes"]], notes)
                for cases in groups.values()
            ]
        lines.append("| " + " | ".join([*versions, *cells]) + " |")
    return "\n".join([*lines, "", *(f"{number}. {note}" for note, number in notes.items())])


def _cell(outcomes: Sequence[Outcome], notes: dict[str, int]) -> str:
    """Returns `works`, or each verdict with how many of the column's cases have it, and the numbers of its notes."""
    parts = []
    for verdict in (WORKS, REFUSES, BREAKS):
        having = [one for one in outcomes if one.verdict == verdict]
        if not having:
            continue
        numbers = sorted({notes.setdefault(one.reason, len(notes) + 1) for one in having if one.reason})
        share = f" {len(having)}/{len(outcomes)}" if len(having) < len(outcomes) else ""
        parts.append(f"{verdict}{share}" + "".join(f" [{number}]" for number in numbers))
    return ", ".join(parts) or "not run"


def count(results: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Returns verdict -> number of cases; a row that pip refuses counts as one refusal."""
    verdicts = [
        verdict
        for result in results
        for verdict in ([REFUSES] if result["setup"] else [one["verdict"] for one in result["outcomes"].values()])
    ]
    return {verdict: verdicts.count(verdict) for verdict in (WORKS, REFUSES, BREAKS)}
