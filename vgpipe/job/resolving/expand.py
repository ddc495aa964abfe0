"""Expands a job into its clips; the entry point of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vgpipe.job.clip import Clip, Contest, Continuation, Shot
from vgpipe.job.declared import EXCLUSIVE, OF_CLIP, SETTINGS, ClipSetting
from vgpipe.job.faults import Faults
from vgpipe.job.naming import clip_id
from vgpipe.job.record import Entry, Job, RawSettings
from vgpipe.job.resolving.draws import Draws, new_origin
from vgpipe.job.resolving.given_rules import check_segments
from vgpipe.job.resolving.given_settings import GivenFiles
from vgpipe.job.resolving.images import ClipSize, Images
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource
from vgpipe.job.resolving.resolve import Resolved, resolve_entry
from vgpipe.job.resolving.wildcards import Wildcards
from vgpipe.job.rules import ShapeRules
from vgpipe.job.template import combinations, fill, longest_filled
from vgpipe.units import counted

MAX_TEXT_CHARS = 200_000_000
MAX_NOTES = 20
NOISE_PERIOD = 2**32
NO_JOB = "clip"
DRAWN = "each run draws its own and keeps them in clips.jsonl and in its files; `resume` takes those"
_Heat = tuple[Contest, int] | None
"""The contest that a clip is in and the first seed of it; None for a clip that is finished in any case."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """The result of expanding a job.

    Attributes:
        clips: the clips, in the file's order; no two have the same id or the same settings.
        notes: what the user should know about it, a sentence each.
        drawn_from: the number that random seeds were drawn from; None where none was drawn.
        jobs: for each clip, the name of its job.
    """

    clips: tuple[Clip, ...]
    notes: tuple[str, ...]
    drawn_from: int | None = None
    jobs: tuple[str, ...] = ()


def expand(
    job: Job | None,
    *,
    overrides: Mapping[str, object],
    preset: Mapping[str, object],
    reference: Mapping[str, object],
    rules: ShapeRules,
    model: str,
    drawn_from: int | None = None,
) -> Expansion:
    """Expands a job's seeds and matrices and resolves every setting.

    Settings come from, the strongest first: `overrides`, the prompt's own, the job's defaults, `preset`,
    `reference`. None in a mapping counts as not set. `num_frames` and `seconds` are one setting, and so
    are `seed` and `seeds`. An override's texts are literal: their braces are not places for a matrix.
    Image files are read and decoded here, each once; a relative path of the job file starts at its folder,
    any other at the working directory.

    Args:
        job: the job, or None for a single clip.
        overrides: settings of `clip.*` on the command line, without "clip.".
        preset: settings of the quality preset; keys that are not settings are ignored.
        reference: settings of the model; likewise.
        rules: what sizes and frame counts the model can make, and whether it takes images.
        model: name of the option of `conf/model`.
        drawn_from: the number that random seeds are drawn from; None for a new one.

    Returns:
        The clips and notes.

    Raises:
        JobError: settings are invalid, missing or cannot be made by the model, an image cannot be read, or there
            are more than 100,000 clips; all faults are in the error.
    """
    faults = Faults(job.source, job.line_names) if job is not None else Faults("")
    strong = [_override_source(overrides, "clip.", faults)]
    weak = [
        SettingSource.of_config(_settings(preset), "quality."),
        SettingSource.of_config(_settings(reference), "model."),
    ]
    frames = int(str(reference.get("num_frames") or rules.largest_num_frames))
    folder = job.folder if job is not None else Path()
    images, wildcards = Images(folder, rules, model, faults), Wildcards(folder, faults)
    origin = new_origin() if drawn_from is None else drawn_from
    draws = Draws(origin, job.name if job is not None else "")
    resolve = partial(
        resolve_entry,
        rules=rules,
        images=images,
        draws=draws,
        wildcards=wildcards,
        faults=faults,
        model=model,
        reference=frames,
    )
    resolved = list(_resolve(job, strong, weak, resolve))
    images.check_missing()
    _check_totals(resolved, wildcards, faults)
    faults.raise_any()
    made = _ClipWriter(model, rules, images, wildcards, faults).expand(resolved)
    read = _cut((*faults.notes(), *(job.notes if job is not None else ())), "notes on how the job was read")
    drawn = [f"{counted(draws.num_drawn, 'random seed')}: {DRAWN}"] if draws.num_drawn else []
    drawn_from, jobs = origin if draws.num_drawn else None, (job.name if job is not None else NO_JOB,) * len(made.clips)
    return replace(made, notes=(*read, *drawn, *made.notes), drawn_from=drawn_from, jobs=jobs)


def _override_source(overrides: Mapping[str, object], prefix: str, faults: Faults) -> SettingSource:
    """Returns the overrides as a source, and records what is wrong with them: they come as the user typed them."""
    # pydantic takes longer to import than a command like `--help` may take.
    from vgpipe.job.reading.field_faults import validate_values
    from vgpipe.job.schema import OverrideFields

    given = {name: value for name, value in overrides.items() if value is not None}
    given |= {
        name: [*value] for name, value in given.items() if isinstance(value, tuple)
    }  # as frozen configs hold lists
    values, findings = validate_values(given, OverrideFields)
    for finding in findings:
        faults.add_at(f"{prefix}{finding.field}", finding.what, finding.remedy)
    for name in ("prompt", "negative_prompt"):
        _check_syntax(f"{prefix}{name}", given.get(name), faults)
    for first, second in EXCLUSIVE:
        if first in given and second in given:
            what = f"both {prefix}{first} and {prefix}{second} are given"
            faults.add_at(f"{prefix}{second}", what, "keep one of them")
    wrong = {finding.field for finding in findings}
    return SettingSource.of_config(values or {name: given[name] for name in given if name not in wrong}, prefix)


def _check_syntax(where: str, text: object, faults: Faults) -> None:
    from vgpipe.job.reading.foreign_syntax import lora_fault, note_foreign

    if isinstance(text, str):
        fault = lora_fault(text)
        if fault is not None:
            faults.add_at(where, *fault)
        note_foreign(text, partial(faults.note_at, where))


def _settings(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name in SETTINGS}


def _resolve(
    job: Job | None,
    strong: Sequence[SettingSource],
    weak: Sequence[SettingSource],
    resolve: Callable[[Entry, Sequence[SettingSource]], Resolved | None],
) -> Iterator[Resolved]:
    if job is None:
        found = [resolve(Entry(line=0, prompt=""), [*strong, *weak])]
    else:
        defaults = SettingSource.of_file(job.defaults)
        sources = ([*_entry_sources(entry, strong), defaults, *weak] for entry in job.entries)
        found = [resolve(*pair) for pair in zip(job.entries, sources, strict=True)]
    yield from (entry for entry in found if entry is not None)


def _entry_sources(entry: Entry, strong: Sequence[SettingSource]) -> list[SettingSource]:
    """Returns the sources of an entry down to its own, the strongest first."""
    own = [SettingSource.of_file(RawSettings({"prompt": entry.prompt}, {"prompt": entry.line}))] if entry.prompt else []
    settings = SettingSource.of_file(entry.settings)
    return [*own, *strong, settings] if entry.keeps_prompt else [*strong, settings, *own]


def _check_totals(resolved: Sequence[Resolved], wildcards: Wildcards, faults: Faults) -> None:
    """Refuses jobs that would fill the memory, before any clip is made."""
    from vgpipe.job.schema import MAX_CLIPS, MAX_SEGMENTS

    clips = chars = segments = 0
    for entry in resolved:
        clips += entry.num_clips
        segments += entry.num_segments
        lengths = (longest_filled(str(text.value), entry.entry.matrix) for text in entry.texts)
        chars += entry.num_combinations * sum(lengths)
        chosen = (wildcards.longest(text) for text in entry.texts if wildcards.has_choices(text))
        chars += entry.num_clips * sum(chosen)
        if clips > MAX_CLIPS:
            what = f"seeds and matrices up to here make {clips:,} clips; at most {MAX_CLIPS:,} are allowed"
            return faults.add(entry.entry.line, what, "shorten a matrix or split the job")
        if segments > MAX_SEGMENTS:
            what = f"clips up to here have {segments:,} segments; at most {MAX_SEGMENTS:,} are allowed"
            return faults.add(entry.entry.line, what, "make them shorter or split the job")
        if chars > MAX_TEXT_CHARS:
            what = f"prompts up to here have {chars:,} characters; at most {MAX_TEXT_CHARS:,} are allowed"
            return faults.add(entry.entry.line, what, "shorten a matrix or split the job")
    return None


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of a clip, and the one that its name begins with."""

    prompt: str
    negative_prompt: str
    shots: tuple[Shot, ...]
    stem: str


class _ClipWriter:
    """Makes the clips, each set of settings once, each under a name of its own."""

    def __init__(self, model: str, rules: ShapeRules, images: Images, wildcards: Wildcards, faults: Faults):
        self._model, self._rules = model, rules
        self._images, self._wildcards = images, wildcards
        self._faults = faults
        self._made: dict[tuple[object, ...], tuple[int, _Heat]] = {}
        self._ids: set[str] = set()
        self._repeats: dict[str, None] = {}

    def expand(self, resolved: Sequence[Resolved]) -> Expansion:
        """Returns the clips of all entries."""
        clips = tuple(clip for entry in resolved for clip in self._clips(entry))
        self._faults.raise_any()
        repeats = _cut(tuple(self._repeats), "lines repeat others")
        shapes = _cut(self._images.shape_notes, "images have another shape than their clips")
        noise = _cut(tuple(_same_noise({clip.seed for clip in clips})), "seeds give the noise of others")
        return Expansion(clips, (*repeats, *noise, *shapes))

    def _clips(self, resolved: Resolved) -> Iterator[Clip]:
        entry, numbers = resolved.entry, _named(resolved.numbers)
        is_chosen = any(map(self._wildcards.has_choices, resolved.texts))
        typed = str(resolved.prompt.value) if self._wildcards.has_choices(resolved.prompt) else None
        for values in combinations(entry.matrix):
            given = self._given(resolved, values)
            texts, contest = None, resolved.contest
            heat = (contest, resolved.seeds[0]) if contest is not None else None
            for seed in resolved.seeds:
                if texts is None or (is_chosen and contest is None):  # clips that compete have the same words
                    texts = self._texts(resolved, values, seed)
                long = _continuation_identity(texts.shots, resolved.continuation)
                settings: dict[str, Any] = {
                    **{"prompt": texts.prompt, "negative_prompt": texts.negative_prompt, "seed": seed},
                    **{**numbers, "model": self._model, **given.identity(), **long},
                }
                if self._is_new(settings, entry.line, heat):
                    name = self._name(texts.stem, settings)
                    contest = replace(contest, name=name) if contest is not None and not contest.name else contest
                    long_facts = {"shots": texts.shots, "continuation": resolved.continuation}
                    whole = {**settings, **given.fields(), **long_facts}
                    clip = Clip(id=name, prompt_template=typed, contest=contest, **whole)
                    check_segments(resolved.given, clip, self._rules, self._faults)
                    yield clip

    def _texts(self, resolved: Resolved, values: Mapping[str, str], seed: int) -> _Texts:
        """Returns the texts of a clip: its seed makes their choices, then the matrix fills their places."""

        def made(text: ResolvedSetting) -> str:
            return self._wildcards.chosen(text, seed).filled(values)

        entry, prompt = resolved.entry, made(resolved.prompt)
        shots = tuple(Shot(prompt=made(one.prompt), num_frames=one.num_frames, cut=one.cut) for one in resolved.shots)
        if not prompt and not shots:
            self._faults.add(entry.line, "its places and choices make an empty prompt", "add text outside of them")
        if not all(shot.prompt for shot in shots):
            self._faults.add(entry.line, "places and choices make a shot's prompt empty", "add text outside of them")
        stem = prompt if entry.id is None else fill(entry.id, values)
        return _Texts(prompt, made(resolved.negative_prompt), shots, stem)

    def _given(self, resolved: Resolved, values: Mapping[str, str]) -> GivenFiles:
        """Returns the images and the video that one combination of the matrix is given."""
        size = ClipSize(*(resolved.numbers[name] for name in ("width", "height", "num_frames")))
        return self._images.files(resolved.given, values, size)

    def _is_new(self, settings: Mapping[str, object], line: int, heat: _Heat) -> bool:
        key = tuple(repr(value) if isinstance(value, list | dict) else value for value in settings.values())
        if key not in self._made:
            self._made[key] = (line, heat)
            return True
        first_line, first_heat = self._made[key]
        here, first = (self._faults.name_of(number) for number in (line, first_line))
        if heat != first_heat:
            what = f"{first} makes a clip of the same prompt, seed and settings, which cannot compete in another place"
            self._faults.add(line, what, "begin with another seed, or leave one of the two out")
        elif first == here:
            self._repeats[f"{here} makes the same clip more than once: rendered once"] = None
        else:
            self._repeats[f"{here} repeats {first} (same prompt, seed and settings): rendered once"] = None
        return False

    def _name(self, stem: str, settings: Mapping[str, object]) -> str:
        """Names a clip; the slug is folded, so that equal ids are equal on every file system."""
        attempt = 0
        while (name := clip_id(stem, settings, attempt)) in self._ids:
            attempt += 1
        self._ids.add(name)
        return name


def _same_noise(seeds: set[int]) -> Iterator[str]:
    """Yields a note for each seed that gives the noise of a smaller one: torch's CPU generator reads 32 bits of it."""
    first = {seed % NOISE_PERIOD: seed for seed in sorted(seeds, reverse=True)}
    for seed in sorted(seeds):
        if seed != first[seed % NOISE_PERIOD]:
            yield f"the seeds {first[seed % NOISE_PERIOD]} and {seed} give the same noise: torch reads the last 32 bits"


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that name a clip: floats as floats, and none that is optional and has its default."""
    declared = {name: SETTINGS[name] for name in OF_CLIP if name in values}
    typed = {name: float(values[name]) if one.type is float else values[name] for name, one in declared.items()}
    return {name: value for name, value in typed.items() if not _is_default(declared[name], value)}


def _is_default(declared: ClipSetting, value: object) -> bool:
    return declared.is_optional and value == declared.default


def _continuation_identity(shots: Sequence[Shot], continuation: Continuation | None) -> dict[str, Any]:
    """Returns the part of a long clip's settings that names it; nothing for a clip that is made at once."""
    if continuation is None:
        return {}
    return {"shots": [asdict(shot) for shot in shots], "continuation": asdict(continuation)}


def _cut(notes: tuple[str, ...], what_more_do: str) -> tuple[str, ...]:
    left = len(notes) - MAX_NOTES
    return (*notes[:MAX_NOTES], f"and {left} more {what_more_do}") if left > 0 else notes
