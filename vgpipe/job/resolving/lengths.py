"""How long an entry's clips are, and that of each of their shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from vgpipe.job.clip import Continuation
from vgpipe.job.declared import spellings
from vgpipe.job.faults import Faults
from vgpipe.job.record import Entry
from vgpipe.job.resolving.continuations import Wanted, continuation_of
from vgpipe.job.resolving.precedence import InForce, Level, strongest
from vgpipe.job.rules import ShapeRules, duration_fault, shape_faults
from vgpipe.job.settings import MAX_NUM_FRAMES

LENGTHS = spellings("num_frames")


@dataclass(frozen=True, slots=True)
class Length:
    """How long an entry's clips are.

    Attributes:
        shots: frames of each shot, in the finished clip; one for a clip of a single prompt.
        continuation: how it goes on; None where it is made at once.
    """

    shots: tuple[int, ...]
    continuation: Continuation | None

    @property
    def num_frames(self) -> int:
        """Frames of the finished clip."""
        return sum(self.shots)


def written_lengths(entry: Entry, levels: Sequence[Level]) -> list[InForce] | None:
    """Returns the setting that says how long each shot is, or None where nothing sets one.

    Args:
        entry: the entry; one without shots counts as one shot.
        levels: the strongest first, the entry's own among them.
    """
    forced = [level for level in levels if level.prefix == "clip."]
    own = [[*forced, Level.of_file(shot.length), *levels] for shot in entry.shots] or [list(levels)]
    found = [strongest(one, *LENGTHS) for one in own]
    return None if None in found else [one for one in found if one is not None]


def length_of(
    entry: Entry, lengths: Sequence[InForce], wanted: Wanted, fps: float, rules: ShapeRules, faults: Faults
) -> Length:
    """Says how long an entry's clips are, and notes what the model cannot make.

    Args:
        entry: the entry.
        lengths: what `written_lengths` gave.
        wanted: what is in force for long clips.
        fps: in force.
        rules: what the model can make.
        faults: where faults are noted.
    """
    counts = _counts(lengths, fps)
    if sum(counts) > MAX_NUM_FRAMES:
        what = f"{lengths[0].name} makes {sum(counts):,} frames; at most {MAX_NUM_FRAMES:,} are allowed"
        longest = lengths[counts.index(max(counts))]
        longest.level.note(longest.name, what, "make it shorter", faults)
        return Length(tuple(counts), None)
    found = continuation_of(entry, wanted, counts, rules, faults)
    if found.continuation is not None or found.is_faulty:
        return Length(tuple(counts), found.continuation)
    return Length((_at_once(lengths[0], fps, rules, faults),), None)


def _counts(lengths: Sequence[InForce], fps: float) -> list[int]:
    """Returns the frames of each shot; their sums are rounded, so that odd lengths add up to the exact whole."""
    exact = [float(str(one.value)) * (fps if one.name == "seconds" else 1) for one in lengths]
    ends = [0, *map(round, accumulate(exact))]
    return [max(1, after - before) for before, after in pairwise(ends)]


def _at_once(length: InForce, fps: float, rules: ShapeRules, faults: Faults) -> int:
    value: Any = length.value
    if length.name == "seconds":
        fault = duration_fault(float(value), fps, rules)
        if fault is not None:
            length.level.note(fault.field, fault.what, fault.remedy, faults)
        return rules.num_frames_for(float(value), fps)
    for fault in shape_faults({length.name: value}, rules):
        length.level.note(fault.field, fault.what, fault.remedy, faults)
    return int(value)
