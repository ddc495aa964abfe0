"""Reads plan.json: the settings of the run, and memory predicted and measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vgpipe.report.values import float_of, int_of, list_of, table_of, text_of
from vgpipe.vocabulary import STAGES

GPU, RAM = "allocated_gib", "ram_gib"
KINDS = ((GPU, "device_gb", "GPU memory"), (RAM, "ram_gb", "RAM of the process"))
"""What plan.json calls a quantity, what the events of a stage's peak call it, and what the page does."""
MAX_GROUPS = 60
Shape = tuple[int | None, int | None, int | None]
Group = tuple[str, Shape]
"""A stage, and width, height and frames of its clips."""


def memory(
    plan: Mapping[str, Any], records: Sequence[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the peak of memory, predicted and measured in GiB, for each stage and size of clip that has both.

    All are of one kind: of the GPU where any was measured there, else RAM.

    Args:
        plan: the content of plan.json, unchecked.
        records: of the clips, unchecked.
        events: of events.jsonl, unchecked; they have the peaks of several workers, which plan.json lacks.

    Returns:
        Objects with `label`, `kind` (`GPU memory`, or `RAM of the process`), `predicted` and `measured`.
    """
    groups = [table_of(group) for group in list_of(plan.get("measured"))]
    peaks = _peaks(records, events)
    for key, of_event, kind in KINDS:
        found = [_group(group, kind, key, peaks.get((_key(group), of_event))) for group in groups]
        known = [group for group in found if group is not None][:MAX_GROUPS]
        if known:
            return sorted(known, key=lambda group: _stage_index(group["label"]))
    return []


def predicted_ram(plan: Mapping[str, Any]) -> dict[Shape, float]:
    """Returns width, height and frames -> the most RAM that the process is predicted to take for such a clip, GiB.

    Args:
        plan: the content of plan.json, unchecked.
    """
    found: dict[Shape, float] = {}
    for group in map(table_of, list_of(plan.get("measured"))):
        size, shape = float_of(table_of(group.get("predicted")).get(RAM)), shape_of(group)
        if size is not None:
            found[shape] = max(found.get(shape, 0.0), round(size, 4))
    return found


def _peaks(records: Sequence[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> dict[tuple[Group, str], float]:
    """Returns the largest peak that events have of each group, by the name of its quantity there."""
    shapes = {str(record.get("clip")): shape_of(record) for record in records}
    found: dict[tuple[Group, str], float] = {}
    for event in events:
        if event.get("event") != "stage_peak" or str(event.get("clip")) not in shapes:
            continue
        group = str(event.get("stage")), shapes[str(event.get("clip"))]
        for _, name, _ in KINDS:
            if (size := float_of(event.get(name))) is not None:
                found[group, name] = max(found.get((group, name), 0.0), size)
    return found


def _stage_index(label: str) -> int:
    stage = label.partition(" ")[0]
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def shape_of(record: Mapping[str, Any]) -> Shape:
    """Returns width, height and frames of a clip's record, or of a group of plan.json; None where unknown."""
    width, height, frames = (int_of(record.get(key)) for key in ("width", "height", "num_frames"))
    return width, height, frames


def _key(group: Mapping[str, Any]) -> Group:
    return str(group.get("stage")), shape_of(group)


def _group(group: Mapping[str, Any], kind: str, key: str, peak: float | None) -> dict[str, Any] | None:
    predicted = float_of(table_of(group.get("predicted")).get(key))
    measured = float_of(table_of(group.get("measured")).get(key))
    size = peak if measured is None else measured
    if predicted is None or size is None:
        return None
    return {"label": _label(group), "kind": kind, "predicted": round(predicted, 4), "measured": round(size, 4)}


def _label(group: Mapping[str, Any]) -> str:
    sides = ["?" if side is None else str(side) for side in shape_of(group)]
    return f"{text_of(group.get('stage')) or '?'} {'x'.join(sides)}"


def facts(config: Mapping[str, Any], plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns labels and values for the head of the page; unknown ones are left out."""
    tier, model = table_of(plan.get("tier")), table_of(config.get("model"))
    strategies = table_of(plan.get("strategies")).values()
    values = {
        "job": text_of(config.get("job")) or ", ".join(filter(None, map(text_of, list_of(config.get("job"))))),
        "model": text_of(model.get("name")),
        "checkpoint": text_of(model.get("id")),
        "precision": text_of(plan.get("dtype")),
        "device": text_of(tier.get("device")),
        "memory strategy": ", ".join(dict.fromkeys(filter(None, map(text_of, strategies)))),
    }
    return [(label, value) for label, value in values.items() if value]
