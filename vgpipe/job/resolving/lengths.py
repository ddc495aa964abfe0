"""The length of an entry's clips, and of each of their shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from vgpipe.job.clip import Continuation
from vgpipe.job.declared import spellings
from vgpipe.job.faults import Faults
from vgpipe.job.record import Entry
from vgpipe.job.resolving.continuations import ContinuationRequest, resolve_continuation
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource, strongest
from vgpipe.job.rules import ShapeRules, duration_fault, shape_faults
from vgpipe.job.settings import MAX_NUM_FRAMES

LENGTHS = spellings("num_frames")


@dataclass(frozen=True, slots=True)
class Length:
    """The length of an entry's clips.

    Attributes:
        shots: frames of each shot in the finished clip; one for a clip of a single prompt.
        continuation: how the clip is continued from segment to segment; None where the model makes it at once.
    """

    shots: tuple[int, ...]
    continuation: Continuation | None

    @property
    def num_frames(self) -> int:
        """Frames of the finished clip."""
        return sum(self.shots)


def length_settings(entry: Entry, sources: Sequence[SettingSource]) -> list[ResolvedSetting] | None:
    """Returns the setting that gives the length of each shot, or None where a shot has none.

    Args:
        entry: the entry; one without shots counts as one shot.
        sources: the strongest first, the entry's own among them.
    """
    forced = [source for source in sources if source.prefix == "clip."]
    per_shot = [[*forced, SettingSource.of_file(shot.length), *sources] for shot in entry.shots] or [list(sources)]
    settings = [strongest(shot_sources, *LENGTHS) for shot_sources in per_shot]
    given = [setting for setting in settings if setting is not None]
    return given if len(given) == len(settings) else None


def length_of(
    entry: Entry,
    lengths: Sequence[ResolvedSetting],
    request: ContinuationRequest,
    fps: float,
    rules: ShapeRules,
    faults: Faults,
) -> Length:
    """Returns the length of an entry's clips and records what the model cannot make.

    Args:
        entry: the entry.
        lengths: the result of `length_settings`.
        request: the settings of long clips.
        fps: frames per second.
        rules: what the model can make.
        faults: where faults are recorded.
    """
    counts = _frame_counts(lengths, fps)
    if sum(counts) > MAX_NUM_FRAMES:
        what = f"{lengths[0].name} makes {sum(counts):,} frames; at most {MAX_NUM_FRAMES:,} are allowed"
        lengths[counts.index(max(counts))].add_fault(what, "make it shorter", faults)
        return Length(tuple(counts), None)
    result = resolve_continuation(entry, request, counts, rules, faults)
    if result.continuation is not None or result.is_faulty:
        return Length(tuple(counts), result.continuation)
    return Length((_frames_at_once(lengths[0], fps, rules, faults),), None)


def _frame_counts(lengths: Sequence[ResolvedSetting], fps: float) -> list[int]:
    """Returns the frames of each shot; their sums are rounded, so that odd lengths add up to the exact total."""
    exact = [float(str(one.value)) * (fps if one.name == "seconds" else 1) for one in lengths]
    ends = [0, *map(round, accumulate(exact))]
    return [max(1, end - start) for start, end in pairwise(ends)]


def _frames_at_once(length: ResolvedSetting, fps: float, rules: ShapeRules, faults: Faults) -> int:
    number = float(str(length.value))
    if length.name == "seconds":
        fault = duration_fault(number, fps, rules)
        if fault is not None:
            length.add_fault(fault.what, fault.remedy, faults)
        return rules.num_frames_for(number, fps)
    for fault in shape_faults({length.name: length.value}, rules):
        length.add_fault(fault.what, fault.remedy, faults)
    return int(number)
