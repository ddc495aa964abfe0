"""What is said of a store, and of what goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from vgpipe.garbage.choice import AGAIN, UNLISTED_AGE_S
from vgpipe.garbage.inventory import Item, Kind
from vgpipe.garbage.removal import LEFTOVERS, Freed
from vgpipe.garbage.tidying import Outlook
from vgpipe.terminal import on_one_line, table
from vgpipe.units import counted, format_size

HEAD = ("kind", "items", "size", "shared", "go", "frees")
MAX_NAMED = 5


def outlook_lines(outlook: Outlook) -> list[str]:
    """Returns a table of what a store holds by kind and what goes, and what the user should know of it."""
    inventory = outlook.inventory
    going: Counter[str] = Counter()
    frees: Counter[str] = Counter()
    for item in outlook.choice.items:
        going[item.kind] += 1
        frees[item.kind] += item.own_bytes
    rows: list[tuple[str, ...]] = [HEAD]
    for kind in Kind:
        items = [item for item in inventory.items if item.kind is kind]
        if items:
            own, shared = sum(item.own_bytes for item in items), sum(item.shared_bytes for item in items)
            rows.append(_row(kind, len(items), own, shared, going[kind], frees[kind]))
    if inventory.leftovers:
        number, own = len(inventory.leftovers), sum(inventory.leftovers.values())
        rows.append(_row(LEFTOVERS, number, own, 0, number, own))
    rows.append(_row("notes and unfinished", None, inventory.other_bytes, 0, 0, 0))
    rows.append(
        _row("all", None, inventory.own_bytes, inventory.shared_bytes, sum(going.values()), outlook.frees_bytes)
    )
    return [*table(rows, right=range(1, len(HEAD))), *_runs(outlook), *_remarks(outlook)]


def freed_text(freed: Freed) -> str:
    """Returns what was removed, in one line."""
    if not freed.count:
        return "nothing to free"
    parts = [f"{number} {kind} ({format_size(freed.by_kind[kind])})" for kind, number in freed.count.items()]
    return f"freed {format_size(freed.own_bytes)}: {', '.join(parts)}"


def _row(kind: str, items: int | None, own: int, shared: int, going: int, frees: int) -> tuple[str, ...]:
    return (
        kind,
        "" if items is None else str(items),
        format_size(own),
        format_size(shared) if shared else "-",
        str(going) if going else "-",
        format_size(frees) if frees else "-",
    )


def _runs(outlook: Outlook) -> list[str]:
    runs = outlook.needs.runs
    running, unfinished = sum(run.is_running for run in runs), sum(run.is_unsettled for run in runs)
    drafted = sum(run.has_drafts for run in runs)
    beside = f", {unfinished} unfinished, {running} running" if unfinished else ""
    beside += f", {drafted} with drafts to be continued" if drafted else ""
    return [f"kept for {counted(len(runs), 'run')}{beside}; what runs share takes no space beyond that of the runs"]


def _remarks(outlook: Outlook) -> list[str]:
    choice, remarks = outlook.choice, []
    for root, why in list(outlook.needs.unreadable.items())[:MAX_NAMED]:
        remarks.append(
            f"nothing but leftovers goes: nobody can tell what {on_one_line(str(root))} needs ({on_one_line(why)}) -> "
            f"bring it back, or python -m vgpipe gc --forget DIR"
        )
    if choice.unlisted:
        size, days = format_size(sum(item.own_bytes for item in choice.unlisted)), UNLISTED_AGE_S / 86_400
        remarks.append(
            f"{size} more may be of runs of older versions elsewhere: kept for {days:.0f} days, or name them: gc DIR"
        )
    if choice.beyond:
        remarks.append(f"unfinished runs lose: {_again(choice.beyond)}")
    return remarks


def _again(items: tuple[Item, ...]) -> str:
    by_kind: Mapping[Kind, int] = Counter(item.kind for item in items)
    return ", ".join(f"{number} {kind} (made again by {AGAIN[kind]})" for kind, number in by_kind.items())
