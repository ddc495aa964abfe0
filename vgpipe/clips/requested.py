"""What the config asks for: the clips and the files of each. Imports nothing that only their making needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgpipe.clips.own_rules import own_rules
from vgpipe.collection import collection_paused
from vgpipe.config.exporter_schema import SheetConfig
from vgpipe.config.model_schema import ModelConfig, RulesConfig
from vgpipe.config.schema import Config, QualityConfig
from vgpipe.errors import ConfigError, Fault
from vgpipe.exporters.rates import rate_notes
from vgpipe.job.clip import Clip
from vgpipe.job.declared import names_set_by
from vgpipe.job.drafts import draft_notes
from vgpipe.job.record import Job
from vgpipe.job.settings import SetBy
from vgpipe.units import counted

if TYPE_CHECKING:
    from vgpipe.job.resolving.expand import Expansion

SHEET = SheetConfig().name


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is to make.

    Attributes:
        clips: in job order.
        notes: what the user should know about how the job was read, and of its files.
        job_lines: the job, JSON lines, if it came as values of a program; None for a file or a single clip.
        title: the job's name as the user wrote it, `a + b` of several; empty without a job file.
        drawn_from: the number that random seeds were drawn from; None where none was drawn.
    """

    clips: tuple[Clip, ...]
    notes: tuple[str, ...] = ()
    job_lines: str | None = None
    title: str = ""
    drawn_from: int | None = None


@collection_paused()  # the nodes and clips of a large job all stay
def request(config: Config, job_lines: str | None = None) -> Request:
    """Reads the job and resolves every clip's settings.

    Args:
        config: the whole config.
        job_lines: the prompts, of `json_lines`, where they are not in the file that `job` names.

    Raises:
        JobError: naming everything that is wrong with the job or with `clip.*`.
        ConfigError: where clips are both drafted and compete.
    """
    rules = own_rules(config.model)
    jobs = _jobs(config, job_lines, rules)
    from vgpipe.job.resolving.picks import only_picked  # only now: an invalid job ends before
    from vgpipe.job.resolving.several import expand_all

    expansion = expand_all(
        jobs,
        overrides=_set_only(asdict(config.clip)),
        preset=quality_settings(config.quality, config.model),
        reference=asdict(config.model.reference),
        rules=rules,
        model=config.model.name,
        drawn_from=config.drawn_from,
    )
    title = " + ".join(job.title for job in jobs) if job_lines is None else ""
    clips = only_picked(_named(expansion, config.run.name), config.pick)
    if config.pick:  # who picks has decided
        clips = tuple(replace(clip, contest=None) for clip in clips)
    _refuse_drafts_of_contests(config, clips)
    lowered = rate_notes(exporters_of(config), {clip.fps for clip in clips})
    chosen = [config.quality.chosen] if config.quality.chosen else []
    notes = (*chosen, *expansion.notes, *_contest_notes(clips), *lowered, *draft_notes(config.draft, clips))
    return Request(clips, notes, job_lines, title, expansion.drawn_from)


def _contest_notes(clips: Sequence[Clip]) -> list[str]:
    """Returns what becomes of clips that compete, in a sentence; nothing where none do."""
    contests = {clip.contest for clip in clips if clip.contest is not None}
    if not contests:
        return []
    kept, all_of = (sum(getattr(one, name) for one in contests) for name in ("keep", "best_of"))
    told = f"{counted(len(contests), 'contest')}: {kept} of {counted(all_of, 'clip')} will be finished"
    return [f"{told}, the best by their previews; the others stay drafts"]


def _refuse_drafts_of_contests(config: Config, clips: Sequence[Clip]) -> None:
    """Refuses `draft` where clips compete: each asks for another one to choose."""
    contest = next((clip.contest for clip in clips if clip.contest is not None), None)
    if config.draft is None or contest is None:
        return
    what = f"clips are to wait for a pick after {config.draft} steps, and the best of {contest.best_of} is to be chosen"
    remedy = "leave draft out; or add clip.best_of=1, with clip.takes for several drafts of a prompt"
    raise ConfigError("invalid configuration", [Fault("draft", what, remedy)])


def _named(expansion: Expansion, template: str | None) -> tuple[Clip, ...]:
    if template is None:
        return expansion.clips
    from vgpipe.job.resolving.file_names import named

    return named(expansion.clips, expansion.jobs, template)


def _jobs(config: Config, job_lines: str | None, rules: RulesConfig) -> tuple[Job, ...]:
    if job_lines is not None:
        from vgpipe.job.reading.values import read_values

        return (read_values(job_lines, Path.cwd(), rules=rules, columns=config.job_columns),)
    if not config.jobs:
        return ()
    from vgpipe.job.reading.several import read_jobs

    return read_jobs(config.jobs, Path.cwd(), rules=rules, columns=config.job_columns)


def quality_settings(quality: QualityConfig, model: ModelConfig) -> dict[str, object]:
    """Returns the clip settings that a quality preset gives for a model; with steps of those that it was made for."""
    asked = round(model.reference.num_inference_steps * quality.steps_scale)
    scaled = min(max(model.rules.min_num_inference_steps, asked), model.rules.max_num_inference_steps)
    settings = {name: getattr(quality, name) for name in names_set_by(SetBy.QUALITY)}
    return _set_only({**settings, "num_inference_steps": quality.num_inference_steps or scaled})


def exporters_of(config: Config) -> tuple[Mapping[str, Any], ...]:
    """Returns the name and settings of every exporter: what was asked for first, further ones, the contact sheet.

    Two that would make the same file are one.
    """
    asked = [asdict(one) for one in (config.exporter, *config.also.values())]
    if config.run.sheet and all(one["name"] != SHEET for one in asked):
        asked.append(asdict(SheetConfig()))
    return tuple(one for number, one in enumerate(asked) if one not in asked[:number])


def kinds_of(config: Config) -> tuple[str, ...]:
    """Returns the kind of each of those exporters."""
    return tuple(str(one["name"]) for one in exporters_of(config))


def _set_only(settings: Mapping[str, Any]) -> dict[str, object]:
    return {name: value for name, value in settings.items() if value is not None}
