"""The resolved settings of one entry of the job, before its matrix and seeds are expanded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vgpipe.job.clip import Contest, Continuation
from vgpipe.job.declared import OF_CLIP, SETTINGS
from vgpipe.job.faults import Faults
from vgpipe.job.record import Entry
from vgpipe.job.resolving.contests import best_of, contest_rules
from vgpipe.job.resolving.continuations import ContinuationRequest
from vgpipe.job.resolving.draws import Draws
from vgpipe.job.resolving.given_rules import check_frames
from vgpipe.job.resolving.given_settings import NAMES, GivenSettings
from vgpipe.job.resolving.images import Images
from vgpipe.job.resolving.lengths import Length, length_of, length_settings
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource, strongest
from vgpipe.job.resolving.takes import seeds_of
from vgpipe.job.resolving.wildcards import Wildcards
from vgpipe.job.rules import ShapeRules, shape_faults
from vgpipe.job.segments import count_segments
from vgpipe.job.template import count_combinations
from vgpipe.typed import as_typed

_SPECIAL = ("prompt", "negative_prompt", "seed", "num_frames", "audio", *NAMES)
_PLAIN = tuple(SETTINGS[name] for name in OF_CLIP if name not in _SPECIAL)
"""The settings that a clip takes as they are, with no places to fill and no other spelling."""


@dataclass(frozen=True, slots=True)
class ResolvedShot:
    """One shot: its prompt, its frames in the finished clip, and whether it starts with a cut."""

    prompt: ResolvedSetting
    num_frames: int
    cut: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """One entry with its settings resolved.

    Attributes:
        entry: the entry.
        prompt: the prompt; its places are filled from the entry's matrix if it comes from the file.
        negative_prompt: likewise.
        given: the images and the video that it is given, likewise.
        seeds: one clip is made for each, per combination of the matrix.
        numbers: the other settings, as in `Clip`.
        shots: its shots; empty for a single prompt.
        continuation: how its clips are continued; None where they are made at once.
        contest: what the clips of each combination compete by, without a name; None where all are finished.
    """

    entry: Entry
    prompt: ResolvedSetting
    negative_prompt: ResolvedSetting
    given: GivenSettings
    seeds: tuple[int, ...]
    numbers: dict[str, Any]
    shots: tuple[ResolvedShot, ...] = ()
    continuation: Continuation | None = None
    contest: Contest | None = None

    @property
    def texts(self) -> tuple[ResolvedSetting, ...]:
        """Every text of one of its clips."""
        return (*(shot.prompt for shot in self.shots or (self,)), self.negative_prompt)

    @property
    def num_segments(self) -> int:
        """How many segments its clips have, about."""
        shots = [shot.num_frames for shot in self.shots] or [self.numbers["num_frames"]]
        return self.num_clips * sum(count_segments(one, self.continuation) for one in shots)

    @property
    def num_combinations(self) -> int:
        """How many different prompts the matrix makes."""
        return count_combinations(self.entry.matrix)

    @property
    def num_clips(self) -> int:
        """How many clips it makes, repeated ones included."""
        return self.num_combinations * len(self.seeds)


def resolve_entry(
    entry: Entry,
    sources: Sequence[SettingSource],
    rules: ShapeRules,
    images: Images,
    draws: Draws,
    wildcards: Wildcards,
    faults: Faults,
    *,
    model: str,
    reference: int,
) -> Resolved | None:
    """Resolves the settings of an entry.

    Args:
        entry: the entry.
        sources: the strongest first, the entry's own among them.
        rules: what the model can make.
        images: checks the images and videos that it is given.
        draws: draws the seeds that are random.
        wildcards: checks the choices of its texts.
        faults: where faults are recorded.
        model: name of the option of `conf/model`.
        reference: frames that the model's authors recommend.

    Returns:
        The entry resolved, or None where a fault keeps it from being so.
    """
    prompt = strongest(sources, "prompt")
    negative = strongest(sources, "negative_prompt") or ResolvedSetting("negative_prompt", "", sources[-1])
    wanted = best_of(entry, sources, faults)
    seeds = seeds_of(entry, sources, draws, faults, wanted)
    found = {one.name: strongest(sources, one.name) for one in _PLAIN}
    lengths = length_settings(entry, sources)
    given = GivenSettings.of(sources)
    images.check(entry, given)
    required = {one.name: found[one.name] for one in _PLAIN if not one.is_optional}
    for name, setting in {"prompt": prompt, **required, "num_frames": lengths}.items():
        if setting is None and name == "prompt" and entry.line:
            remedy = f"write one into a .txt of its name beside it, or type {_example(name)}"
            faults.add(entry.line, "it has no prompt", remedy)
        elif setting is None and not faults.is_at(f"clip.{name}"):
            faults.add_at(f"clip.{name}", f"no {name} given", f"set it, for example with {_example(name)}")
    numbers: dict[str, Any] = {name: setting.value for name, setting in found.items() if setting is not None}
    if prompt is None or lengths is None or None in required.values():
        return None
    steps, fps = int(numbers["num_inference_steps"]), float(numbers["fps"])
    request = ContinuationRequest.of(sources, num_inference_steps=steps, reference=reference, model=model)
    length = length_of(entry, lengths, request, fps, rules, faults)
    numbers["num_frames"] = length.num_frames
    check_frames(given, length.num_frames, steps, faults)
    contest = contest_rules(wanted, steps, faults) if wanted is not None else None
    _check_sizes([setting for setting in found.values() if setting is not None], rules, faults)
    shots = _shots(entry, length, prompt)
    resolved = Resolved(entry, prompt, negative, given, seeds, numbers, shots, length.continuation, contest)
    for text in resolved.texts:
        wildcards.check(text)
    return resolved


def _example(name: str) -> str:
    declared = SETTINGS[name]
    return as_typed(f"clip.{name}", "a red circle" if declared.is_text else max(1, int(declared.setting.at_least or 0)))


def _shots(entry: Entry, length: Length, prompt: ResolvedSetting) -> tuple[ResolvedShot, ...]:
    """Returns the shots; a prompt of the command line is that of all of them."""
    if len(length.shots) < 2:
        return ()
    forced = prompt if not prompt.source.in_file else None
    lines = [SettingSource({}, "", {"prompt": shot.line}) for shot in entry.shots]
    own = [ResolvedSetting("prompt", shot.prompt, line) for shot, line in zip(entry.shots, lines, strict=True)]
    cuts = [index > 0 and shot.cut for index, shot in enumerate(entry.shots)]
    return tuple(map(ResolvedShot, (forced or one for one in own), length.shots, cuts))


def _check_sizes(settings: Sequence[ResolvedSetting], rules: ShapeRules, faults: Faults) -> None:
    for setting in settings:
        for fault in shape_faults({setting.name: setting.value}, rules):
            setting.add_fault(fault.what, fault.remedy, faults)
