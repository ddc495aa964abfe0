"""Reads plan.json: the settings of the run, and memory predicted and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgpipe.report.values import float_of, int_of, list_of, table_of, text_of
from vgpipe.vocabulary import STAGES

GPU, RAM = "allocated_gib", "ram_gib"
MAX_GROUPS = 60


def memory(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns stage and shape, with memory predicted and measured in GiB, for each that has both.

    Args:
        plan: the content of plan.json, unchecked.

    Returns:
        Objects with `label`, `kind` (`GPU memory`, or `RAM` of the whole process), `predicted` and `measured`.
    """
    groups = [_group(table_of(group)) for group in list_of(plan.get("measured"))]
    found = [group for group in groups if group is not None][:MAX_GROUPS]
    return sorted(found, key=lambda group: _stage_index(group["label"]))


def _stage_index(label: str) -> int:
    stage = label.partition(" ")[0]
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _group(group: Mapping[str, Any]) -> dict[str, Any] | None:
    predicted, measured = table_of(group.get("predicted")), table_of(group.get("measured"))
    for key, kind in ((GPU, "GPU memory"), (RAM, "RAM")):
        sizes = float_of(predicted.get(key)), float_of(measured.get(key))
        if sizes[0] is not None and sizes[1] is not None:
            rounded = {"predicted": round(sizes[0], 4), "measured": round(sizes[1], 4)}
            return {"label": _label(group), "kind": kind, **rounded}
    return None


def _label(group: Mapping[str, Any]) -> str:
    sides = [int_of(group.get(key)) for key in ("width", "height", "num_frames")]
    return f"{text_of(group.get('stage')) or '?'} {'x'.join('?' if side is None else str(side) for side in sides)}"


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
