"""The state of each clip of a run, and of its segments. A short clip has exactly one segment, and so has a draft.

Only the methods of this file change a state; a test holds that.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vgpipe.clips.contest_state import ContestState
from vgpipe.clips.degradation import EXPORTER, Degradation
from vgpipe.errors import ModelError
from vgpipe.job.clip import Clip
from vgpipe.job.drafts import segments_made
from vgpipe.job.segment import Segment
from vgpipe.memory.tracker import PeakMemory
from vgpipe.models.base import Family
from vgpipe.quality.judges.base import Score
from vgpipe.quality.verdict import Result, Verdict
from vgpipe.sound.summary import ending_notes
from vgpipe.stages.keys import ClipKeys
from vgpipe.vocabulary import EXPORT

SECONDS_DIGITS = 4

Shape = tuple[str, int, int, int, bool]
"""What decides memory and time of a segment: model, width, height, num_frames, whether it begins with an image."""


class Status(StrEnum):
    """How far a clip is."""

    PENDING = "pending"
    DONE = "done"
    DRAFTED = "drafted"
    """Its preview is there, and it can be continued."""
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(slots=True, eq=False)
class SegmentState:
    """One segment of a clip on its way through the stages.

    Attributes:
        parent: the clip that it is a segment of.
        segment: what to make.
        keys: store keys of its artifacts.
        families: stage -> what drives it, where memory requires other settings than the run's own family has.
        degradations: those of its stages.
        safer: the stages that safer settings drive, since a check failed; memory changes nothing about these.
        seconds: stage -> seconds in this run.
        peaks: stage -> peak memory of this process while the segment was in it, in this run.
    """

    parent: ClipState = field(repr=False)
    segment: Segment
    keys: ClipKeys
    families: Mapping[str, Family] = field(default_factory=dict)
    degradations: tuple[Degradation, ...] = ()
    safer: frozenset[str] = frozenset()
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, PeakMemory] = field(default_factory=dict)

    @property
    def clip(self) -> Clip:
        """The segment as a clip of its own."""
        return self.segment.clip

    @property
    def planned(self) -> Clip:
        """The clip that takes as much memory and time."""
        return self.segment.planned

    @property
    def shape(self) -> Shape:
        """What a canary represents: model, size and whether the segment begins with an image."""
        clip = self.clip
        return (clip.model, clip.width, clip.height, clip.num_frames, self.planned.is_given_frames)

    @property
    def previous(self) -> SegmentState | None:
        """The segment that it continues; None where it starts from noise alone."""
        return None if self.segment.is_independent else self.parent.segments[self.segment.index - 1]

    @property
    def next(self) -> Segment | None:
        """The segment that continues it; None where none does."""
        if self.is_last or self.is_orphan:
            return None
        following = self.parent.segments[self.segment.index + 1].segment
        return None if following.is_independent else following

    @property
    def is_last(self) -> bool:
        """Whether its clip is complete with it."""
        return self is self.parent.segments[-1]

    @property
    def is_orphan(self) -> bool:
        """Whether its clip has been split into other segments since."""
        return all(segment is not self for segment in self.parent.segments)

    def use_family(self, stage: str, family: Family, degradations: Iterable[Degradation]) -> None:
        """Has another family drive a stage; its store keys must be computed again after this.

        Args:
            stage: which.
            family: drives it from now on.
            degradations: what that means for the user; they replace those of the stage so far.
        """
        self.families = {**self.families, stage: family}
        self.degradations = (*(one for one in self.degradations if one.stage != stage), *degradations)
        if not self.parent.is_long:  # where an earlier run's degradations are kept with the clip
            self.parent.drop_degradations(stage)

    def use_safer(self, families: Mapping[str, Family], degradations: Iterable[Degradation]) -> None:
        """Has safer settings drive some stages; its store keys must be computed again after this.

        Args:
            families: stage -> what drives it from now on.
            degradations: what that means for the user, of each of these stages.
        """
        for stage, family in families.items():
            self.use_family(stage, family, ())
        self.degradations = (*self.degradations, *degradations)
        self.safer = frozenset(families)

    def drive_as_before(self, families: Mapping[str, Family], degradations: tuple[Degradation, ...]) -> None:
        """Takes safer settings back; its store keys must be computed again after this.

        Args:
            families: as they were.
            degradations: as they were.
        """
        self.families, self.degradations, self.safer = dict(families), degradations, frozenset()

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Adds to the time that a stage took, also to that of the clip."""
        for seconds_by_stage in (self.seconds, self.parent.seconds):
            seconds_by_stage[stage] = round(seconds_by_stage.get(stage, 0.0) + seconds, SECONDS_DIGITS)

    def note_peak(self, stage: str, peak: PeakMemory) -> None:
        """Keeps the latest peak of a stage, and the largest of the clip."""
        self.peaks[stage] = peak
        self.parent.note_peak(peak)


class ClipState:
    """One clip of a run.

    Args:
        clip: what to make first, at the size that the model was asked for.
        keys: store keys of the artifacts of each of its segments.
        requested: the clip that the user asked for; None where that is `clip`.
        degradations: what the user did not ask for.
        notes: what its settings alone tell, a sentence each: a negative prompt without effect.
        draft: the steps after which it stops, fewer than it has; None where it is made to the end.

    Attributes:
        initial: `clip` as it was given.
        clip: what is made now; smaller than `initial` where memory requires it.
        draft: the steps after which it stops; None where it is made to the end.
        segments: its segments, at least one; of a draft the first alone.
        status: how far it is.
        error: why it failed or stopped.
        cause: the failure, where another way to load the model may help; has no traceback.
        degradations: those that hold for the whole clip.
        setting_notes: what its settings alone tell, a sentence each.
        text_notes: what of its texts the model does not read, a sentence each; kept with the finished files.
        files: kind -> path relative to the run.
        measures: what its frames measure (`vgpipe/quality/`); None where nothing was measured.
        sound: its length, level and peaks, as its files have it; None where none has sound.
        verdicts: what the checks say of its frames; None where nothing was judged.
        score: what a judge says of its preview; None of a final, and where nobody judged.
        contest: how far it came in its contest; None where it competes in none.
        is_rejected: whether it failed because a check did; its files, if any, lie apart from those of good clips.
        seconds: stage -> seconds.
        peak_ram_gb: largest peak of this process in a stage, GiB.
        peak_vram_gb: the same for the GPU; None without one.
        predicted_peak_gb: largest peak of device memory that the plan predicts, GiB; None without a plan.
        is_reused: whether all its files came from the store.
    """

    is_canary = False

    def __init__(
        self,
        clip: Clip,
        keys: Sequence[ClipKeys],
        *,
        requested: Clip | None = None,
        degradations: tuple[Degradation, ...] = (),
        notes: tuple[str, ...] = (),
        draft: int | None = None,
    ):
        self.draft = draft
        self.requested, self.initial, self.clip = requested or clip, clip, clip
        self.segments = self._split(clip, keys)
        self.status = Status.PENDING
        self.error: str | None = None
        self.cause: Exception | None = None
        self.degradations = degradations
        self.setting_notes = notes
        self.text_notes: tuple[str, ...] = ()
        self.files: dict[str, str] = {}
        self.measures: dict[str, float] | None = None
        self.sound: dict[str, Any] | None = None
        self.verdicts: tuple[Verdict, ...] | None = None
        self.score: Score | None = None
        self.contest: ContestState | None = None
        self.is_rejected = False
        self.seconds: dict[str, float] = {}
        self.peak_ram_gb: float | None = None
        self.peak_vram_gb: float | None = None
        self.predicted_peak_gb: float | None = None
        self.is_reused = False

    @property
    def id(self) -> str:
        """The id of the clip that the user asked for."""
        return self.requested.id

    @property
    def keys(self) -> ClipKeys:
        """The store keys of its first segment; the exports are those of the clip."""
        return self.segments[0].keys

    @property
    def is_long(self) -> bool:
        """Whether it is made segment by segment."""
        return self.clip.continuation is not None

    @property
    def is_pending(self) -> bool:
        """Whether it is still to be made."""
        return self.status is Status.PENDING

    @property
    def is_done(self) -> bool:
        """Whether all its files are there."""
        return self.status is Status.DONE

    @property
    def is_made(self) -> bool:
        """Whether what was asked of this run is there: all its files, or those of its preview."""
        return self.status in (Status.DONE, Status.DRAFTED)

    @property
    def has_few_steps(self) -> bool:
        """Whether its frames are judged as those of few steps: it is a canary, or a draft."""
        return self.is_canary or self.draft is not None

    @property
    def has_fallback(self) -> bool:
        """Whether memory had any stage of it driven otherwise."""
        return any(segment.families for segment in self.segments)

    @property
    def needs_other_loading(self) -> bool:
        """Whether it failed in a way that another way to load the model may help against."""
        return self.status is Status.FAILED and self.cause is not None

    @property
    def all_degradations(self) -> tuple[Degradation, ...]:
        """Its own and those of its segments, each once."""
        of_segments = (one for segment in self.segments for one in segment.degradations)
        return tuple(dict.fromkeys((*self.degradations, *of_segments)))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of it that is no degradation, a sentence each."""
        return (*self.setting_notes, *self.text_notes, *self._sound_notes, *self.warnings, *self._contest_notes)

    @property
    def _sound_notes(self) -> tuple[str, ...]:
        return () if self.sound is None else ending_notes(self.sound)

    @property
    def _contest_notes(self) -> tuple[str, ...]:
        contest = self.requested.contest
        note = self.contest.note(contest) if self.contest is not None and contest is not None else None
        return () if note is None else (note,)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the checks warn of, a sentence each; nothing of a clip that one of them rejects."""
        if self.is_rejected:
            return ()
        return tuple(f"{one.check}: {one.says}" for one in self.verdicts or () if one.result is Result.WARNED)

    def end_with(self, last: SegmentState, keys: Sequence[ClipKeys]) -> None:
        """Leaves the segments after one out, as they will not be made; the later ones become orphans.

        Args:
            last: the last one that was made.
            keys: store keys of the segments that stay.
        """
        self.segments = self.segments[: last.segment.index + 1]
        self.rekey(keys)

    def resize(self, clip: Clip, keys: Sequence[ClipKeys]) -> None:
        """Makes another clip of it. A long one is split into new segments; the old ones become orphans.

        Args:
            clip: what to make from now on.
            keys: store keys of each segment.
        """
        was_long, self.clip = self.is_long, clip
        if was_long or self.is_long:
            self.segments = self._split(clip, keys)
            return
        (segment,) = self.segments
        (segment.segment,) = segments_made(clip, self.draft)
        (segment.keys,) = keys

    def rekey(self, keys: Sequence[ClipKeys]) -> None:
        """Gives every segment new store keys."""
        for segment, new in zip(self.segments, keys, strict=True):
            segment.keys = new

    def reuse_fallback(
        self,
        clip: Clip,
        keys: Sequence[ClipKeys],
        families: Sequence[Mapping[str, Family]],
        degradations: Iterable[Degradation],
    ) -> None:
        """Makes it as an earlier run made it.

        Args:
            clip: what that run made.
            keys: store keys of each segment.
            families: for each segment, stage -> what drove it, where that is not the run's own family.
            degradations: what that run reported.
        """
        self.resize(clip, keys)
        for segment, own in zip(self.segments, families, strict=True):
            segment.families = dict(own)
        self.degradations = tuple(dict.fromkeys((*self.degradations, *degradations)))

    def note_texts(self, notes: Iterable[str]) -> None:
        """Notes what of its texts the model does not read, a sentence each; replaces what was noted before."""
        self.text_notes = tuple(notes)

    def note_verdicts(self, verdicts: tuple[Verdict, ...] | None) -> None:
        """Notes what the checks say of its frames; None where nothing was judged."""
        self.verdicts = verdicts

    def note_contest(self, state: ContestState) -> None:
        """Notes how far it came in its contest."""
        self.contest = state

    def note_score(self, score: Score | None) -> None:
        """Notes what a judge says of its preview; None where nobody judged."""
        self.score = score

    def degrade(self, degradation: Degradation) -> None:
        """Notes a degradation of the whole clip; it replaces an earlier one of its kind."""
        self.degradations = (*(one for one in self.degradations if one.kind != degradation.kind), degradation)

    def drop_degradations(self, stage: str) -> None:
        """Forgets the degradations of one stage."""
        self.degradations = tuple(one for one in self.degradations if one.stage != stage)

    def expect_peak(self, peak_gb: float | None) -> None:
        """Notes the peak of device memory that the plan predicts, GiB."""
        self.predicted_peak_gb = peak_gb

    def note_peak(self, peak: PeakMemory) -> None:
        """Keeps the largest peaks."""
        self.peak_ram_gb = _largest(self.peak_ram_gb, peak.ram_gb)
        self.peak_vram_gb = _largest(self.peak_vram_gb, peak.vram_gb)

    def set_seconds(self, stage: str, seconds: float) -> None:
        """Notes the time of a stage that is done once for the whole clip."""
        self.seconds[stage] = round(seconds, SECONDS_DIGITS)

    def take_over(
        self,
        *,
        degradations: tuple[Degradation, ...],
        of_segments: Sequence[tuple[tuple[Degradation, ...], Mapping[str, float]]],
        seconds: Mapping[str, float],
        peak_ram_gb: float | None,
        peak_vram_gb: float | None,
        predicted_peak_gb: float | None,
    ) -> None:
        """Takes over what a worker of another process noted while it made the clip.

        Args:
            degradations: those that hold for the whole clip.
            of_segments: degradations and seconds by stage of each segment.
            seconds: stage -> seconds of that worker; they add to those of earlier attempts, as in one process.
            peak_ram_gb: largest peak of that process, GiB.
            peak_vram_gb: the same for its GPU.
            predicted_peak_gb: largest peak of device memory that its plan predicts, GiB.
        """
        self.degradations, self.predicted_peak_gb = degradations, predicted_peak_gb
        for segment, (own, of_stages) in zip(self.segments, of_segments, strict=True):
            segment.degradations, segment.seconds = own, dict(of_stages)
        for stage, taken_s in seconds.items():
            before_s = 0.0 if stage == EXPORT else self.seconds.get(stage, 0.0)
            self.set_seconds(stage, before_s + taken_s)
        self.note_peak(PeakMemory(peak_ram_gb, peak_vram_gb))

    def restore(
        self,
        *,
        files: Mapping[str, str],
        seconds: Mapping[str, float],
        peak_ram_gb: float | None,
        peak_vram_gb: float | None,
    ) -> None:
        """Takes over what an earlier attempt at the run delivered and measured."""
        self.files, self.seconds = dict(files), dict(seconds)
        self.peak_ram_gb, self.peak_vram_gb = peak_ram_gb, peak_vram_gb

    def deliver(
        self,
        files: Mapping[str, str],
        replacements: Iterable[Degradation],
        measures: dict[str, float] | None,
        sound: dict[str, Any] | None = None,
    ) -> None:
        """Notes the files that lie in the run.

        Args:
            files: kind -> path relative to the run.
            replacements: the files that another encoder wrote than the one asked for.
            measures: what the frames measure.
            sound: its length, level and peaks; None where no file has sound.
        """
        self.files = dict(files)
        self.degradations = (*(one for one in self.degradations if one.kind != EXPORTER), *replacements)
        self.measures, self.sound = measures, sound

    def finish(self) -> None:
        """Marks it as done, or as drafted."""
        self.status, self.error = Status.DONE if self.draft is None else Status.DRAFTED, None
        self.is_rejected = False

    def finish_from_store(self, *, is_reused: bool) -> None:
        """Marks it as done, or as drafted, with files that the store had."""
        self.finish()
        self.is_reused = is_reused

    def fail(self, message: str, error: Exception | None = None) -> None:
        """Marks it as failed.

        Args:
            message: what the user reads.
            error: the failure; kept where another way to load the model, or another model, may help against it.
        """
        self.status, self.error = Status.FAILED, message
        # A copy without its traceback, whose frames would keep the loaded model in memory.
        self.cause = copy.copy(error) if isinstance(error, ModelError) else None

    def reject(self, message: str) -> None:
        """Marks it as failed because a check did: another way to load the model, or another model, is no help.

        Args:
            message: what the user reads: the check, its number, the remedy.
        """
        self.status, self.error, self.cause = Status.FAILED, message, None
        self.is_rejected = True

    def stop(self, message: str | None = None) -> None:
        """Marks it as stopped; it can be resumed."""
        self.status, self.error = Status.STOPPED, message

    def _split(self, clip: Clip, keys: Sequence[ClipKeys]) -> tuple[SegmentState, ...]:
        return tuple(
            SegmentState(self, one, own) for one, own in zip(segments_made(clip, self.draft), keys, strict=True)
        )


def _largest(known: float | None, new: float | None) -> float | None:
    values = [value for value in (known, new) if value is not None]
    return max(values, default=None)
