"""Which drafts of a run are continued, and whether they can be."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.errors import Fault, UsageError
from vgpipe.report.commands import pick_of
from vgpipe.report.values import float_of, list_of, table_of
from vgpipe.runs.run_record import Recorded
from vgpipe.stages.checkpoints import steps_of
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.typed import shown_path, typed_path
from vgpipe.units import counted

log = logging.getLogger(__name__)

MAX_NAMED, MAX_CLIPS = 80, 5
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which drafts a user wants to have continued: all of them, without names and number.

    Attributes:
        names: picks or ids of clips.
        best: how many are to be finished in all, by their scores; those picked before count.
    """

    names: tuple[str, ...] = ()
    best: int | None = None


def chosen(root: Path, recorded: Recorded, choice: Choice | None) -> frozenset[str]:
    """Returns the ids of the clips that are continued.

    Args:
        root: of the run.
        recorded: what it recorded of its clips.
        choice: what the user wants; None for no more than before.

    Raises:
        UsageError: where that names clips which the run has not, or more than one by one name; where it has no drafts,
            or none with a score.
    """
    if choice is None:
        return frozenset()
    drafts = [record for record in recorded.records if record.get("state") == Status.DRAFTED.value]
    if choice.names:
        return _named(root, recorded.records, choice.names)
    if not drafts and not recorded.picked:
        raise UsageError(f"{shown_path(root)} has no drafts: what is left of it is finished by resume")
    if choice.best is None:
        return recorded.picked | {str(record["clip"]) for record in drafts}
    return recorded.picked | _best(root, drafts, choice.best - len(recorded.picked))


def _named(root: Path, records: Sequence[Record], names: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    faults: list[Fault] = []
    for name in dict.fromkeys(names):
        clips = [str(record["clip"]) for record in records if name in (record["clip"], pick_of(record))]
        if not clips:
            remedy = f"copy the command from {shown_path(root)}/report.html"
            faults.append(Fault(name[:MAX_NAMED], "no clip of this run has this pick, or this id", remedy))
        elif len(clips) > 1:
            shown = ", ".join(clips[:MAX_CLIPS])
            faults.append(Fault(name[:MAX_NAMED], f"{len(clips)} clips have this pick: {shown}", "type their ids"))
        found.update(clips)
    if faults:
        raise UsageError("invalid pick; nothing was started", faults)
    return frozenset(found)


def _best(root: Path, drafts: Sequence[Record], count: int) -> frozenset[str]:
    scores = [(float_of(table_of(record.get("score")).get("number")), str(record["clip"])) for record in drafts]
    known = [(score, clip) for score, clip in scores if score is not None]
    if drafts and not known:
        remedy = f"python -m vgpipe continue {typed_path(root)} 'pick=[...]', or all"
        raise UsageError(f"best: no draft of {shown_path(root)} has a score to rank it by -> {remedy}")
    ranked = sorted(known, key=lambda one: -one[0])  # of equals the first in the job
    return frozenset(clip for _, clip in ranked[: max(0, count)])


def check_drafts(records: Sequence[Record], states: Sequence[ClipState], store: Store) -> None:
    """Refuses to continue drafts under settings that would give them other latents, and warns of lost checkpoints.

    A clip that was not made as asked is left to what is known of how it was made.

    Args:
        records: of the clips of the run.
        states: the clips as they would be made now, in the same order.
        store: where their checkpoints are.

    Raises:
        UsageError: naming the clips.
    """
    drafts = [
        (table_of(record.get("artifacts")).get("latents"), state)
        for record, state in zip(records, states, strict=True)
        if record.get("state") == Status.DRAFTED.value
        and not list_of(record.get("degradations"))
        and state.draft is None
    ]
    others = [state.id for latents, state in drafts if latents != state.keys.latents.digest]
    lost = sum(not _is_begun(state.keys, store) for _, state in drafts)
    if lost and not others:
        log.warning("%s has no checkpoint of %s: made from the first step", store.root, counted(lost, "picked clip"))
    if others:
        what = f"{len(others)} drafts were made with another precision, other weights or other files of the model"
        remedy = "the settings they were drafted with; other ones need a new render"
        raise UsageError("drafts cannot be continued like this", [Fault(", ".join(others[:MAX_CLIPS]), what, remedy)])


def _is_begun(keys: ClipKeys, store: Store) -> bool:
    return store.find(keys.latents) is not None or steps_of(store, keys.latents) > 0
