"""Turns the record of a clip into the card that the page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Required, TypedDict, cast

from vgpipe.quality.verdict import Result
from vgpipe.report.commands import NoCommand, command_lines, pick_of
from vgpipe.report.contests import ContestCard, contest_of
from vgpipe.report.forecast import Shape, shape_of
from vgpipe.report.given import GivenFile, given_of
from vgpipe.report.measures import measures_of
from vgpipe.report.media import Media, MediaFile
from vgpipe.report.run_facts import DONE
from vgpipe.report.run_history import STATES
from vgpipe.report.sound import Sound, sound_of
from vgpipe.report.values import float_of, int_of, list_of, seconds_of, table_of, text_of

PREVIEWS = "previews"
"""The folder of the files of drafts, which stay there once a clip is continued."""
FINAL_QUALITY = "high"
NOTHING: Mapping[Shape, float] = MappingProxyType({})
MAX_KIND = 40
DEGRADATION = ("kind", "asked", "got", "reason", "stage")
TEXTS = ("prompt", "negative_prompt", "model", "error")
INTS = ("width", "height", "num_frames", "num_inference_steps", "draft_steps")
FLOATS = ("fps", "guidance_scale", "predicted_peak_gb", "peak_ram_gb", "peak_vram_gb")


class Shot(TypedDict):
    """A shot of a clip."""

    prompt: str | None
    num_frames: int | None
    cut: bool


class Segment(TypedDict):
    """A segment of a long clip."""

    shot: int | None
    seed: str | None
    num_frames: int | None
    num_inference_steps: int | None
    delivered: list[int] | None
    seconds: dict[str, float]


class Score(TypedDict):
    """What a judge says of a preview; the higher the number the better."""

    judge: str
    number: float


class Made(TypedDict, total=False):
    """The model and size that a clip was rendered at, where they are not those asked for."""

    model: str
    width: float
    height: float
    num_frames: float
    fps: float


class Card(TypedDict, total=False):
    """What the page shows of a clip; every key but `id` and `state` may be absent.

    Seeds are text, since JavaScript's numbers lose digits beyond 2**53.
    """

    id: Required[str | None]
    state: Required[str]
    prompt: str
    negative_prompt: str
    model: str
    error: str
    width: int
    height: int
    num_frames: int
    num_inference_steps: int
    draft_steps: int
    fps: float
    guidance_scale: float
    predicted_peak_gb: float
    predicted_ram_gb: float
    peak_ram_gb: float
    peak_vram_gb: float
    seed: str
    reused: bool
    seconds: dict[str, float]
    files: list[MediaFile]
    preview: str
    score: Score
    contest: ContestCard
    measures: dict[str, float]
    sound: Sound
    given: list[GivenFile]
    checks: list[str]
    failed_checks: list[str]
    rejected: bool
    degradations: list[str]
    degraded: list[str]
    notes: list[str]
    shots: list[Shot]
    segments: list[Segment]
    made: Made
    pick: str
    command: str
    final: str
    no_command: str


def card(
    record: Mapping[str, Any], media: Media, extra: tuple[str, ...] = (), ram_gb: Mapping[Shape, float] = NOTHING
) -> Card:
    """Returns the card of a clip; missing and invalid values of its record are left out.

    Args:
        record: the last line of the clip in clips.jsonl, unchecked.
        media: resolves paths of the run directory.
        extra: overrides of the whole run, for the commands.
        ram_gb: what `predicted_ram` returns of the run's plan.
    """
    state, files = record.get("state"), media.files(record.get("files"))
    values = {
        "id": text_of(record.get("clip")),
        "state": state if state in STATES else "unknown",
        **{name: text_of(record.get(name)) for name in TEXTS},
        **{name: int_of(record.get(name)) for name in INTS},
        **{name: float_of(record.get(name)) for name in FLOATS},
        "predicted_ram_gb": ram_gb.get(shape_of(record)),
        "seed": _seed(record.get("seed")),
        "reused": record.get("reused") is True,
        "seconds": seconds_of(record.get("seconds")),
        "files": files,
        "preview": _preview(record, media) if state == DONE else None,
        "score": _score(table_of(record.get("score"))),
        "contest": contest_of(record),
        "measures": measures_of(record.get("measures")),
        "sound": sound_of(record.get("sound")),
        "given": given_of(record, media),
        "checks": [text for item in list_of(record.get("checks")) if (text := _verdict(table_of(item)))],
        "failed_checks": _failed_checks(list_of(record.get("checks"))),
        "rejected": record.get("rejected") is True,
        "degradations": [text for item in list_of(record.get("degradations")) if (text := _degradation(item))],
        "degraded": _degraded(list_of(record.get("degradations"))),
        "notes": [text for item in list_of(record.get("notes")) if (text := text_of(item))],
        "shots": [_shot(table_of(shot)) for shot in list_of(record.get("shots"))],
        "segments": [_segment(table_of(segment)) for segment in list_of(record.get("segments"))],
        "made": _made(table_of(record.get("made"))),
        "pick": pick_of(record),
        **_commands(record, extra),
    }
    return cast(Card, {name: value for name, value in values.items() if value not in (None, [], {}, False)})


def _seed(value: object) -> str | None:
    seed = int_of(value)
    return None if seed is None else str(seed)


def _preview(record: Mapping[str, Any], media: Media) -> str | None:
    """Returns the URL of the preview that a clip had before it was continued, by the name of its first file."""
    paths = [path for path in table_of(record.get("files")).values() if isinstance(path, str)]
    return media.url_of(f"{PREVIEWS}/{paths[0].rpartition('/')[2]}") if paths else None


def _score(score: Mapping[str, Any]) -> Score | None:
    judge, number = text_of(score.get("judge")), float_of(score.get("number"))
    return None if judge is None or number is None else {"judge": judge, "number": number}


def _verdict(verdict: Mapping[str, Any]) -> str | None:
    """Returns one check on one line: its name, how it ended, its number and limit, and what it says."""
    check, result, says = (text_of(verdict.get(name)) for name in ("check", "result", "says"))
    if not check or not result:
        return None
    numbers = [f"{number:.4g}" for name in ("number", "limit") if (number := float_of(verdict.get(name))) is not None]
    measured = f" ({numbers[0]}, limit {numbers[1]})" if len(numbers) == 2 else ""
    return f"{check}: {result}{measured}{f': {says}' if says else ''}"


def _failed_checks(verdicts: Sequence[object]) -> list[str]:
    """Returns the names of the checks that a clip did not pass, each once."""
    found = [(text_of(table_of(one).get("check")), table_of(one).get("result")) for one in verdicts]
    return list(dict.fromkeys(check for check, result in found if check and result in (Result.FAILED, Result.WARNED)))


def _degraded(items: Sequence[object]) -> list[str]:
    """Returns the kinds of a clip's degradations, each once, shortened to what a filter can show."""
    kinds = (text_of(item if isinstance(item, str) else table_of(item).get("kind")) for item in items)
    return list(dict.fromkeys(kind[:MAX_KIND] for kind in kinds if kind))


def _degradation(item: object) -> str | None:
    if isinstance(item, str):
        return text_of(item)
    kind, asked, got, reason, stage = (text_of(table_of(item).get(key)) for key in DEGRADATION)
    if not kind:
        return None
    where = f", {stage} only" if stage else ""
    why = f" ({reason})" if reason else ""
    return f"{kind}: {got or '?'} instead of {asked or '?'}{where}{why}"


def _shot(shot: Mapping[str, Any]) -> Shot:
    return {
        "prompt": text_of(shot.get("prompt")),
        "num_frames": int_of(shot.get("num_frames")),
        "cut": shot.get("cut") is True,
    }


def _segment(segment: Mapping[str, Any]) -> Segment:
    delivered = [frame for item in list_of(segment.get("delivered"))[:2] if (frame := int_of(item)) is not None]
    return {
        "shot": int_of(segment.get("shot")),
        "seed": _seed(segment.get("seed")),
        "num_frames": int_of(segment.get("num_frames")),
        "num_inference_steps": int_of(segment.get("num_inference_steps")),
        "delivered": delivered if len(delivered) == 2 else None,
        "seconds": seconds_of(segment.get("seconds")),
    }


def _made(made: Mapping[str, Any]) -> Made:
    sizes = {name: float_of(made.get(name)) for name in ("width", "height", "num_frames", "fps")}
    values = {"model": text_of(made.get("model")), **sizes}
    return cast(Made, {name: value for name, value in values.items() if value is not None})


def _commands(record: Mapping[str, Any], extra: tuple[str, ...]) -> dict[str, str]:
    try:
        command, final = command_lines(record, extra, FINAL_QUALITY)
        return {"command": command, "final": final}
    except NoCommand as reason:
        return {"no_command": str(reason)}
