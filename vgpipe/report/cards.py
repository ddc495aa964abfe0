"""From a clip's record to what the page says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgpipe.report.commands import CannotSay, command_line, pick_of
from vgpipe.report.measures import measures_of
from vgpipe.report.media import Media
from vgpipe.report.values import float_of, int_of, list_of, seconds_of, table_of, text_of

STATES = ("pending", "done", "failed", "stopped")
FINAL_QUALITY = "high"
TEXTS = ("prompt", "negative_prompt", "model", "error")
INTS = ("width", "height", "num_frames", "num_inference_steps")
FLOATS = ("fps", "guidance_scale", "predicted_peak_gb", "peak_ram_gb", "peak_vram_gb")


def card(record: Mapping[str, Any], media: Media, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns what the page shows of a clip; what its record lacks or has wrong is left out.

    Args:
        record: the clip's newest line of clips.jsonl, as it was read.
        media: knows the run directory.
        extra: overrides of the whole run, for the command lines.
    """
    state = record.get("state")
    facts: dict[str, Any] = {"id": text_of(record.get("clip")), "state": state if state in STATES else "unknown"}
    facts |= {name: text_of(record.get(name)) for name in TEXTS}
    facts |= {name: int_of(record.get(name)) for name in INTS}
    facts |= {name: float_of(record.get(name)) for name in FLOATS}
    facts["seed"] = _seed(record.get("seed"))
    facts["reused"] = record.get("reused") is True
    facts["seconds"] = seconds_of(record.get("seconds"))
    facts["files"] = media.files(record.get("files"))
    facts["measures"] = measures_of(record.get("measures"))
    facts["degradations"] = [text for item in list_of(record.get("degradations")) if (text := _degradation(item))]
    facts["shots"] = [_shot(table_of(shot)) for shot in list_of(record.get("shots"))]
    facts["segments"] = [_segment(table_of(segment)) for segment in list_of(record.get("segments"))]
    facts["made"] = _made(table_of(record.get("made")))
    facts["pick"] = pick_of(record)
    facts |= _commands(record, extra)
    return {name: value for name, value in facts.items() if value not in (None, [], {}, False)}


def _seed(value: object) -> str | None:
    """Returns a seed as text: JavaScript's numbers lose digits beyond 2**53."""
    seed = int_of(value)
    return None if seed is None else str(seed)


def _degradation(item: object) -> str | None:
    if isinstance(item, str):
        return text_of(item)
    told = {key: text_of(table_of(item).get(key)) for key in ("kind", "asked", "got", "reason", "stage")}
    if not told["kind"]:
        return None
    where = f", {told['stage']} only" if told["stage"] else ""
    reason = f" ({told['reason']})" if told["reason"] else ""
    return f"{told['kind']}: {told['got'] or '?'} in place of {told['asked'] or '?'}{where}{reason}"


def _shot(shot: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prompt": text_of(shot.get("prompt")),
        "num_frames": int_of(shot.get("num_frames")),
        "cut": shot.get("cut") is True,
    }


def _segment(segment: Mapping[str, Any]) -> dict[str, Any]:
    delivered = [int_of(frame) for frame in list_of(segment.get("delivered"))[:2]]
    return {
        "shot": int_of(segment.get("shot")),
        "seed": _seed(segment.get("seed")),
        "num_frames": int_of(segment.get("num_frames")),
        "num_inference_steps": int_of(segment.get("num_inference_steps")),
        "delivered": delivered if len(delivered) == 2 and None not in delivered else None,
        "seconds": seconds_of(segment.get("seconds")),
    }


def _made(made: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: float_of(made.get(name)) for name in ("width", "height", "num_frames", "fps")}
    told = {"model": text_of(made.get("model")), **known}
    return {name: value for name, value in told.items() if value is not None}


def _commands(record: Mapping[str, Any], extra: tuple[str, ...]) -> dict[str, str]:
    try:
        again = command_line(record, extra)
        return {"command": again, "final": command_line(record, extra, FINAL_QUALITY)}
    except CannotSay as reason:
        return {"no_command": str(reason)}
