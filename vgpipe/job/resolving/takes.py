"""The seeds of an entry's clips: one, those of a list, or as many as it has takes or clips that compete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vgpipe.job.declared import spellings
from vgpipe.job.faults import Faults
from vgpipe.job.record import Entry
from vgpipe.job.resolving.contests import BestOf
from vgpipe.job.resolving.draws import Draws
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource, strongest
from vgpipe.job.settings import MAX_SEED, RANDOM


def seeds_of(
    entry: Entry, sources: Sequence[SettingSource], draws: Draws, faults: Faults, wanted: BestOf | None = None
) -> tuple[int, ...]:
    """Returns one seed for each clip of an entry and combination of its matrix.

    Args:
        entry: the entry.
        sources: the strongest first, the entry's own among them.
        draws: draws the seeds that are random.
        faults: where faults are recorded.
        wanted: the contest between its clips, which then has a seed for each; None without one.
    """
    seed = strongest(sources, *spellings("seed"))
    takes = strongest(sources, "takes") if wanted is None else wanted.setting
    value: Any = 0 if seed is None else seed.value
    if seed is not None and isinstance(value, list | tuple):
        if wanted is None:
            _check_list(seed, takes, sources, faults)
        return tuple(value)
    num_takes = int(str(takes.value)) if takes is not None else 1
    if value == RANDOM:
        return draws.seeds(entry.id or entry.prompt, num_takes)
    if takes is not None and int(value) + num_takes - 1 > MAX_SEED:
        what = f"{takes.name} is {num_takes}, and the seeds from {value} on would exceed {MAX_SEED}"
        takes.add_fault(what, "begin with a smaller seed", faults)
    return tuple(range(int(value), int(value) + num_takes))


def _check_list(
    seeds: ResolvedSetting, takes: ResolvedSetting | None, sources: Sequence[SettingSource], faults: Faults
) -> None:
    """Refuses takes beside a list of seeds; a list of a stronger source, such as the prompt's own, replaces them."""
    if takes is None:
        return
    ranks = {id(source): rank for rank, source in enumerate(sources)}
    if ranks[id(takes.source)] <= ranks[id(seeds.source)]:
        what = f"takes is {takes.value}, but `seeds` lists the seeds of each clip"
        remedy = "keep one of them" if takes.source.in_file else "add clip.seed=1, or leave clip.takes out"
        takes.add_fault(what, remedy, faults)
