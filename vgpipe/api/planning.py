"""Forecasts for programs: whether a job fits a device, how long it takes, and how much memory and disk it needs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

from vgpipe.api.inputs import Option, Options, Prompts, asked
from vgpipe.api.plan_child import fill_cache, forecast
from vgpipe.api.turns import RUNS
from vgpipe.errors import ConfigError
from vgpipe.plans.as_json import as_json, summary
from vgpipe.plans.as_text import as_text
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.verdict import verdict
from vgpipe.units import to_gib


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job takes on a device, before anything is loaded; `str(plan)` is the text of the command `plan`.

    Attributes:
        model: its name.
        device: the name of the option of `hardware`.
        clips: how many there are.
        segments: how many denoising passes they take, without steps: more than clips where some are long.
        fits: whether all of them fit.
        refusal: why not, with the nearest that does; None where all fit.
        seconds: lower and upper bound for the whole job, loading included, downloads not; None where not known.
        peak_gb: largest peak of the device's memory, GiB; None where something does not fit.
        download_gb: weights that are not on the disk yet, GiB.
        disk_gb: what the job needs in the store, GiB.
        strategies: stage -> where its components live.
        notes: what the user should know, a sentence each.
        clip_notes: id of a clip -> what the user should know of it, a sentence each; only clips that have any.
        continue_seconds: lower and upper bound for finishing all its drafts; None without drafts, or where not known.
        workers: how many workers `executor.workers` means there; on a CPU with `auto` the most that a trial, which
            decides when a run starts, may find.
        verdict: whether it fits, how long it takes and what it needs, or the nearest that fits, in one line.
    """

    model: str
    device: str
    clips: int
    segments: int
    fits: bool
    refusal: ConfigError | None
    seconds: tuple[float, float] | None
    peak_gb: float | None
    download_gb: float
    disk_gb: float
    strategies: Mapping[str, str]
    notes: tuple[str, ...]
    clip_notes: Mapping[str, tuple[str, ...]]
    workers: int
    continue_seconds: tuple[float, float] | None = None
    verdict: str = ""
    _made: RunPlan = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything that was considered, as plain values: what `plan --json` prints (docs/planning.md)."""
        found: dict[str, Any] = json.loads(as_json([self._made]))
        return found

    def text(self, width: int | None = None, *, verbose: bool = False) -> str:
        """Returns the text of the command `plan`.

        Args:
            width: columns to wrap tables to; None does not wrap.
            verbose: whether to add all that `plan --verbose` adds.
        """
        return as_text(self._made, datetime.now(), width, is_verbose=verbose)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>"


def plan(
    job: str | os.PathLike[str] | None = None,
    *,
    prompts: Prompts | None = None,
    clip: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    model: Option = None,
    hardware: Option = None,
    memory: Option = None,
    quality: Option = None,
    exporter: Option = None,
    executor: Option = None,
    draft: int | str | None = None,
    config_dir: str | os.PathLike[str] | None = None,
) -> Plan:
    """Plans a job, prompts, or one clip at the model's reference settings; loads and downloads no weights.

    Waits for no run of this process: while one is at work, another process plans.

    Args:
        job: as for `run`, and so are the others.
        prompts: see `run`.
        clip: see `run`; needs no prompt here.
        overrides: see `run`.
        model: see `run`.
        hardware: a card that need not be here: `rtx3060_12gb`.
        memory: see `run`.
        quality: see `run`.
        exporter: see `run`.
        executor: see `run`.
        draft: see `run`.
        config_dir: see `run`.

    Returns:
        The plan, also of what does not fit: see `Plan.fits`.

    Raises:
        UsageError: where a config or a job is invalid, or the device is not there.
        ModelError: where the model cannot be opened.
        VgpipeError: where no plan can be made for it.

    Side effects:
        Keeps the profile of a model's code in the cache folder.
    """
    options = Options(
        model=model, hardware=hardware, memory=memory, quality=quality, exporter=exporter, executor=executor
    )
    wanted = asked(
        job=job, prompts=prompts, clip=clip, overrides=overrides, options=options, draft=draft, config_dir=config_dir
    )
    with RUNS.turn_if_free() as is_free:
        if not is_free:
            fill_cache(wanted.config, wanted.job_lines)
        return _plan(forecast(wanted.config, wanted.job_lines))


def _plan(made: RunPlan) -> Plan:
    known = summary(made)
    peaks = [shape.chosen.peak_bytes for shape in made.shapes if shape.chosen]
    return Plan(
        model=made.model,
        device=made.tier.name,
        clips=made.clips,
        segments=made.segments,
        fits=made.fits,
        refusal=made.refusal.error if made.refusal is not None else None,
        verdict=verdict(made),
        seconds=made.seconds(),
        peak_gb=to_gib(max(peaks, default=0)) if made.fits else None,
        download_gb=known["download_gib"],
        disk_gb=known["disk_gib"],
        strategies=known["strategies"],
        notes=made.notes,
        clip_notes={name: tuple(notes) for name, notes in made.clip_notes},
        continue_seconds=made.rest_seconds(),
        workers=1 if made.crew is None else len(made.crew.members),
        _made=made,
    )
