"""Judges what was made of clips by the numbers that lie with it in the store, and the limits of this run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vgpipe.quality.base import Bad
from vgpipe.quality.checking import judge, verdict_of
from vgpipe.quality.sound_checks import SOUND_NAMES
from vgpipe.quality.stillness import wants_stillness
from vgpipe.quality.verdict import Result, Verdict
from vgpipe.report.values import float_of, list_of, table_of
from vgpipe.stages.stored_sound import FILE as SOUND_FILE

if TYPE_CHECKING:
    from vgpipe.config.checks_schema import CheckConfig
    from vgpipe.store.artifacts import Artifact

CHECKS, FRAMES, MEASURES = "checks", "frames_sha256", "measures"
"""Keys of an artifact's info: the numbers of the checks, the digests of the frames that a file holds, the measures."""
SEVERITY = {Result.PASSED: 0, Result.WARNED: 1, Result.FAILED: 2}


class Judge:
    """Judges numbers by the limits of a run.

    Args:
        limits: check -> its limit, of those that are on (`ChecksConfig.limits`).

    Attributes:
        is_off: whether nothing is judged.
    """

    def __init__(self, limits: Mapping[str, CheckConfig]):
        self._limits = limits
        self.is_off = not limits

    def frames(
        self, numbers: Mapping[str, float], prompt: str, *, is_canary: bool, is_heard: bool = True
    ) -> tuple[Verdict, ...]:
        """Judges the frames of one segment, and its sound.

        Args:
            numbers: what was measured.
            prompt: what they were to show.
            is_canary: whether they were denoised in few steps.
            is_heard: whether the model's own sound is the clip's.
        """
        heard = numbers if is_heard else {name: one for name, one in numbers.items() if name not in SOUND_NAMES}
        return judge(heard, self._limits, is_canary=is_canary, wants_stillness=wants_stillness(prompt))

    def clip(
        self,
        prompts: Sequence[str],
        artifacts: Iterable[Artifact],
        *,
        is_canary: bool = False,
        is_heard: bool = True,
    ) -> tuple[Verdict, ...] | None:
        """Judges a clip by what its files say of their frames; returns None where an older version made them.

        Args:
            prompts: of each of its segments.
            artifacts: of its export.
            is_canary: whether it was denoised in few steps.
            is_heard: whether the model's own sound is the clip's.
        """
        given = {"is_canary": is_canary, "is_heard": is_heard}
        found = numbers_of(artifacts)
        if found is None:
            return None
        judged = zip(found, prompts, strict=False)  # a clip that ended early has fewer segments than it was to have
        return worst(one for numbers, prompt in judged for one in self.frames(numbers, prompt, **given))

    def number(self, check: str, number: float, says: str, *, bad: Bad, is_canary: bool = False) -> Verdict | None:
        """Judges a number that is not measured on frames; returns None where its check is off.

        Args:
            check: its name in the config group `checks`.
            number: what was measured.
            says: a sentence for the case that it is bad.
            bad: on which side of the limit it is.
            is_canary: whether it is that of a canary.
        """
        limit = self._limits.get(check)
        if limit is None or (is_canary and not limit.canary):
            return None
        return verdict_of(check, number, limit, bad, says)


def worst(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Returns one verdict for each check: the worst, and of equal ones the first."""
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        known = found.get(verdict.check)
        if known is None or SEVERITY[verdict.result] > SEVERITY[known.result]:
            found[verdict.check] = verdict
    return tuple(found.values())


def failed(verdicts: Iterable[Verdict] | None) -> Verdict | None:
    """Returns the first verdict that rejects a clip; None where none does."""
    return next((one for one in verdicts or () if one.result is Result.FAILED), None)


def numbers_of(artifacts: Iterable[Artifact]) -> list[dict[str, float]] | None:
    """Returns what was measured of each segment of a clip; None where its files do not say.

    Args:
        artifacts: of its export.
    """
    for artifact in artifacts:
        if isinstance(artifact.info.get(CHECKS), list):
            return [_numbers(one) for one in artifact.info[CHECKS]]
    return None


def numbers_of_frames(artifact: Artifact | None) -> dict[str, float] | None:
    """Returns what was measured of the frames of a segment; None where an older version decoded them."""
    known = None if artifact is None else artifact.info.get(CHECKS)
    return _numbers(known) if isinstance(known, dict) else None


def facts_of(frames: Sequence[Artifact]) -> dict[str, Any]:
    """Returns what a finished file keeps of the frames that it holds, as plain values.

    Args:
        frames: the decoded frames of each segment.
    """
    numbers = [numbers_of_frames(one) for one in frames]
    if any(one is None for one in numbers):
        return {}
    digests = [facts["sha256"] for one in frames for name, facts in one.files.items() if name != SOUND_FILE]
    measures = {MEASURES: frames[0].info.get(MEASURES)} if len(frames) == 1 else {}
    return {CHECKS: numbers, FRAMES: digests, **measures}


def frames_of(artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """Returns the digests of the frames that a clip's files hold; none where they do not say."""
    found = (list_of(artifact.info.get(FRAMES)) for artifact in artifacts)
    return next((tuple(map(str, digests)) for digests in found if digests), ())


def _numbers(values: object) -> dict[str, float]:
    found = {str(name): float_of(number) for name, number in table_of(values).items()}
    return {name: number for name, number in found.items() if number is not None}
