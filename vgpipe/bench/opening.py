"""From a checked command line to what a bench measures, and where."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vgpipe.bench.asked import HEADLINE, Asked
from vgpipe.bench.grid import Grid, grid
from vgpipe.bench.measuring import Bench
from vgpipe.bench.ordinary import ordinary
from vgpipe.bench.prompts import default_lines
from vgpipe.clips.requested import Request, request
from vgpipe.config.measurements import identity_of
from vgpipe.config.schema import ClipOverrides, Config, MemoryConfig, QualityConfig
from vgpipe.errors import ConfigError, Fault, UsageError
from vgpipe.job.clip import Clip
from vgpipe.job.resolving.picks import name_of
from vgpipe.units import counted

FOLDER = "bench"
ROOM = 2**53


@dataclass(frozen=True, slots=True)
class Opened:
    """A bench that can start.

    Attributes:
        bench: what is measured.
        lines: the prompts where they are not the user's own.
        by: the measure that the frontier goes by.
        notes: what the user should know, a sentence each.
        clip: one of its clips, for its size.
    """

    bench: Bench
    lines: str | None
    by: str
    notes: tuple[str, ...]
    clip: Clip


def opened(wanted: Asked, config: Config, root: Path | None) -> Opened:
    """Reads the prompts and lays the grid.

    Args:
        wanted: the keys of `bench`.
        config: the rest of the command line, composed.
        root: the directory that the user named; None for one below `outputs/bench`, by what is measured.

    Raises:
        UsageError: where the job is invalid, has too few clips, or there is nothing to compare.
    """
    lines = None if config.jobs or config.clip.prompt else default_lines(config.model.id)
    drawn_from = int(_digest(_facts(config))[:12], 16) % ROOM
    config = config if config.drawn_from is not None else replace(config, drawn_from=drawn_from)
    read = request(config, lines)
    clips = read.clips[: wanted.clips]
    if len(clips) < 2:
        raise UsageError("one clip has no interval: bench needs at least two -> job=prompts.yaml, or clip.takes=8")
    _refuse_unfinished(config, clips)
    steps = {clip.num_inference_steps for clip in clips}
    if len(steps) > 1:
        raise UsageError(f"the clips have {_either(steps)} steps -> clip.num_inference_steps={max(steps)}")
    found: Grid = grid(wanted.tried(config, *steps), *steps)
    place = root or Path.cwd() / "outputs" / FOLDER / f"{config.model.name}-{_digest([_facts(config), _of(clips)])[:8]}"
    bench = Bench(
        root=place,
        config=ordinary(config, place, config.drawn_from or 0),
        grid=found,
        requests=partial(_request, lines=lines),
        clips=len(clips),
    )
    left_out = len(read.clips) - len(clips)
    notes = [f"{counted(left_out, 'clip')} of the job left out: clips={len(read.clips)} takes all"] if left_out else []
    return Opened(bench, lines, wanted.by, (*notes, *read.notes), clips[0])


def _refuse_unfinished(config: Config, clips: Sequence[Clip]) -> None:
    """Refuses drafts and clips that compete: what is measured is a finished clip of each prompt and seed."""
    if config.draft is not None:
        raise ConfigError(HEADLINE, [Fault("draft", "bench measures finished clips", "leave it out: draft=null")])
    if any(clip.contest is not None for clip in clips):
        remedy = "leave best_of out of the job, and take quality=standard"
        raise ConfigError(HEADLINE, [Fault("best_of", "bench measures every clip that it makes", remedy)])


def _request(config: Config, lines: str | None) -> Request:
    return request(config, lines)


def _either(steps: set[int]) -> str:
    return " or ".join(map(str, sorted(steps)))


def _facts(config: Config) -> list[Any]:
    """Returns what a bench must share with the one that it continues: what a later version adds is no part of it."""
    return [identity_of(config.model), _changed(config.memory), _changed(config.quality), _changed(config.clip)]


def _changed(record: MemoryConfig | QualityConfig | ClipOverrides) -> dict[str, Any]:
    default = asdict(type(record)())
    return {name: value for name, value in asdict(record).items() if value != default[name]}


def _of(clips: Sequence[Clip]) -> list[Any]:
    return [
        [name_of(one), one.width, one.height, one.num_frames, one.fps, one.num_inference_steps, one.guidance_scale]
        for one in clips
    ]


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
