"""Whether an entry's clips compete: from its `best_of`, how many are kept, and after which steps they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from vgpipe.job.clip import Contest
from vgpipe.job.declared import spellings
from vgpipe.job.drafts import Draft, draft_steps
from vgpipe.job.faults import Faults
from vgpipe.job.record import Entry
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource, strongest

NAMES = ("best_of", "best_of_keep", "best_of_at")
BEST_OF, KEEP, AT = NAMES
DEFAULT_AT: tuple[Draft, ...] = ("20%", "40%")
OFF = 1
PRESET = "quality."


@dataclass(frozen=True, slots=True)
class BestOf:
    """How many clips of an entry compete, before their steps are known.

    Attributes:
        setting: `best_of`.
        keep: how many are finished; None for one.
        at: after which steps they are judged; None for `DEFAULT_AT`.
    """

    setting: ResolvedSetting
    keep: ResolvedSetting | None
    at: ResolvedSetting | None

    @property
    def num_clips(self) -> int:
        """How many clips compete."""
        return int(str(self.setting.value))

    @property
    def num_kept(self) -> int:
        """How many of them are finished."""
        return 1 if self.keep is None else int(str(self.keep.value))


def best_of(entry: Entry, sources: Sequence[SettingSource], faults: Faults) -> BestOf | None:
    """Returns how many clips of an entry compete; None where none do.

    Seeds and takes of a stronger source, such as the prompt's own where a preset asks for a contest, replace it.

    Args:
        entry: the entry.
        sources: the strongest first, the entry's own among them.
        faults: where faults and notes are recorded.
    """
    setting, keep, at = (strongest(sources, name) for name in NAMES)
    if setting is None:
        for other in (keep, at):
            if other is not None and other.source.prefix != PRESET:
                other.add_fault(f"{other.name} has no effect without best_of", "add best_of: 8, or remove it", faults)
        return None
    if setting.value == OFF:
        return None
    wanted = BestOf(setting, keep, at)
    return wanted if _stands(wanted, entry, sources, faults) else None


def contest_rules(wanted: BestOf, num_inference_steps: int, faults: Faults) -> Contest | None:
    """Returns the contest of an entry, still without a name; None where it has faults, or nothing can be judged.

    Args:
        wanted: what was asked for.
        num_inference_steps: of the first segment of its clips.
        faults: where faults and notes are recorded.
    """
    faults_before = len(faults)
    if wanted.num_kept >= wanted.num_clips:
        setting = wanted.keep or wanted.setting
        what = f"{wanted.num_kept} of {wanted.num_clips} clips are to be kept, so that none competes"
        setting.add_fault(what, f"keep at most {wanted.num_clips - 1}, or write takes in place of best_of", faults)
    marks = _marks(wanted, num_inference_steps, faults)
    if len(faults) > faults_before:
        return None
    return Contest(name="", best_of=wanted.num_clips, keep=wanted.num_kept, at=marks)


def _stands(wanted: BestOf, entry: Entry, sources: Sequence[SettingSource], faults: Faults) -> bool:
    """Says whether a contest is not replaced by a list of seeds or by takes; records where both were given."""
    ranks = {id(source): rank for rank, source in enumerate(sources)}
    own = ranks[id(wanted.setting.source)]
    for other in (strongest(sources, *spellings("seed")), strongest(sources, "takes")):
        if other is None or not _says_which(other):
            continue
        rank = ranks[id(other.source)]
        if rank < own:
            if wanted.setting.source.prefix == PRESET:
                told = f"no best of {wanted.num_clips}: {other.name} says which seeds are rendered"
                faults.note(entry.line, told) if other.source.in_file else faults.note_at(_key(other), told)
            return False
        if rank == own or other.name == "seeds":
            _refuse(wanted, other, faults)
            return True
    return True


def _says_which(other: ResolvedSetting) -> bool:
    return other.name == "seeds" or (other.name == "takes" and other.value != 1)


def _refuse(wanted: BestOf, other: ResolvedSetting, faults: Faults) -> None:
    what = f"best_of is {wanted.num_clips}, but `{other.name}` says which seeds are rendered"
    if wanted.setting.source.in_file or other.name == "takes":
        remedy = "keep one of them; best_of takes the seeds that follow `seed`"
    else:
        remedy = "add clip.seed=1, or leave clip.best_of out"
    wanted.setting.add_fault(what, remedy, faults)


def _key(setting: ResolvedSetting) -> str:
    return f"{setting.source.prefix}{setting.name}"


def _marks(wanted: BestOf, steps: int, faults: Faults) -> tuple[int, ...]:
    """Returns the steps after which the clips are judged; shares that fall on the same step are one."""
    given: tuple[Any, ...] = DEFAULT_AT if wanted.at is None else tuple(_items(wanted.at.value))
    setting = wanted.at or wanted.setting
    if steps < 2:
        what = f"best_of is {wanted.num_clips}, but the clip has a single step, after which it is finished"
        wanted.setting.add_fault(what, "give it more steps, or best_of: 1", faults)
        return ()
    beyond = next((one for one in given if isinstance(one, int) and one >= steps), None)
    if beyond is not None:
        what = f"clips are to be judged after step {beyond}, but they have {steps}"
        setting.add_fault(what, f"name steps below {steps}, or shares of them such as 40%", faults)
        return ()
    found = [draft_steps(one, steps) or steps - 1 for one in given]
    if any(first > second or given[at] == given[at + 1] for at, (first, second) in enumerate(pairwise(found))):
        listed = ", ".join(map(str, given))
        setting.add_fault(f"the steps after which clips are judged do not increase: {listed}", "sort them", faults)
    return tuple(dict.fromkeys(found))


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)
