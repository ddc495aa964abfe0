"""From the config and the clips of a job to a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vgpipe.clips.degradation import of_family
from vgpipe.clips.from_config import file_bytes_per_pixel
from vgpipe.clips.given_files import refuse_unreadable_files
from vgpipe.clips.halving import expected_stops
from vgpipe.clips.notes import Noted, TextNotes, notes_of_settings, notes_of_sound, texts_of_clips
from vgpipe.clips.obstacles import refuse_what_no_family_makes
from vgpipe.clips.own_rules import own_rules
from vgpipe.clips.requested import kinds_of
from vgpipe.clips.totals import refuse_too_large
from vgpipe.config.schema import Config
from vgpipe.exporters.soundtrack import bytes_per_s
from vgpipe.job.audio import has_sound
from vgpipe.job.clip import Clip
from vgpipe.job.drafts import draft_steps
from vgpipe.job.segments import segments_of
from vgpipe.memory.loaded_part import HeldMemory
from vgpipe.memory.strategies import AUTO, Strategy
from vgpipe.models.base import Family
from vgpipe.models.texts.counting import count_unknown, read_texts
from vgpipe.planner.choice.choose import PlanRequest, ProfileOf, plan
from vgpipe.planner.estimate.calibration import own_ratio
from vgpipe.planner.estimate.host_memory import FRAME_BYTES, PlanInputs, SoundBytes
from vgpipe.planner.forecast_records import Tier
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans.cache_note import cache_note
from vgpipe.plans.crew_planning import ThreadSeconds, with_crew
from vgpipe.plans.deadline_forecast import done_by
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.plans.disk_room import with_garbage_counted
from vgpipe.plans.draft_rest import rest_of
from vgpipe.plans.inputs import PlannedModel, clips_to_plan, download_bytes, planned_model
from vgpipe.plans.parts import Steps, StepsOf, all_steps, judged_steps
from vgpipe.plans.profiles import Profiles
from vgpipe.plans.refusal import refusal_of
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.target import NOTHING_HELD, Target, target_of
from vgpipe.units import counted
from vgpipe.user_cache import user_cache_folder
from vgpipe.vocabulary import GGUF, MODEL_STAGES, NATIVE, STRICT

FLOAT_STEREO_BYTES_PER_S = 48_000 * 2 * 4


def plan_of(config: Config, job_lines: str | None = None, deadline: tuple[str, float] | None = None) -> RunPlan:
    """Plans the job or clip of a config, on the device that it names.

    Args:
        config: the whole config.
        job_lines: the prompts, of `json_lines`, where they are not in the file that `job` names.
        deadline: as people write it, and the seconds until then; None without one.

    Raises:
        UsageError: where the job is invalid or the device is not there.
        ModelError: where the model cannot be opened.
        PlanError: where no plan can be made for it.
    """
    clips, notes = clips_to_plan(config, job_lines)
    refuse_too_large(config, clips)
    target = target_of(config.hardware, for_run=False, folder=Path(config.store.dir))
    model = planned_model(config, target)
    refuse_what_no_family_makes(model.family, clips, drafted=config.draft is not None)
    refuse_unreadable_files(clips)
    clip_notes, uncounted = _clip_notes(model, clips)
    make = partial(
        make_plan,
        model.config,
        model.family,
        clips,
        download_bytes=model.download_bytes,
        notes=(*notes, *model.notes, *uncounted),
        clip_notes=clip_notes,
        steps_of=_steps_of(config, clips),
    )
    plan = with_crew(make(target), model.config, clips, make)
    plan = with_garbage_counted(plan, Path(config.store.dir))
    if not plan.fits:
        return replace(plan, refusal=refusal_of(plan, config))
    if deadline is None:
        return plan
    return replace(plan, done_by=done_by(plan, clips, model.config, at=deadline[0], left_s=deadline[1]))


def _steps_of(config: Config, clips: Sequence[Clip]) -> StepsOf:
    """Returns which steps of a clip are made: all, those of a draft, or as far as clips that compete come."""
    expected = expected_stops(clips)

    def steps_of(clip: Clip) -> Steps:
        if clip.contest is None:
            return Steps(stop=draft_steps(config.draft, clip.num_inference_steps))
        return judged_steps(expected[clip.id])

    return steps_of


def _clip_notes(model: PlannedModel, clips: Sequence[Clip]) -> tuple[list[Noted], list[str]]:
    """Returns the notes on single clips, and what cannot be said of them yet."""
    family, own_negative = model.family, model.config.model.reference.negative_prompt
    wanted = texts_of_clips(clips)
    texts = TextNotes(family, read_texts(family, wanted, model.tokenizers))
    kinds, makes_sound = kinds_of(model.config), own_rules(model.config.model).audio
    found = (
        (
            one.id,
            (
                *notes_of_settings(one, family, own_negative),
                *notes_of_sound(one, kinds, makes_sound=makes_sound),
                *texts.of(one),
            ),
        )
        for one in clips
    )
    unknown = count_unknown(family, wanted, model.tokenizers)
    told = f"{counted(unknown, 'text')} may be longer than the model reads: counted once its tokenizer is downloaded"
    return [(name, notes) for name, notes in found if notes], [told] if unknown else []


def plan_run(
    config: Config,
    family: Family,
    clips: Sequence[Clip],
    held: HeldMemory = NOTHING_HELD,
    clip_notes: Sequence[Noted] = (),
    steps_of: StepsOf = all_steps,
) -> RunPlan:
    """Plans what one worker takes on this machine.

    Args:
        config: the whole config, its model's precision decided.
        family: drives the model.
        clips: those that are not finished.
        held: what an earlier run of this process left loaded.
        clip_notes: what the user should know of single clips.
        steps_of: which steps of a clip are made.

    Raises:
        PlanError: where no plan can be made for this model.
    """
    target = target_of(config.hardware, for_run=True, folder=Path(config.store.dir), held=held)
    make = partial(make_plan, config, family, clips, target, clip_notes=clip_notes, steps_of=steps_of)
    return make(download_bytes=download_bytes(family))


def plan_workers(
    alone: RunPlan, config: Config, family: Family, clips: Sequence[Clip], thread_seconds: ThreadSeconds
) -> RunPlan:
    """Plans what the workers of a run take on this machine, from the plan of one; the same plan where there is one.

    Args:
        alone: of `plan_run`.
        config: as for that, and so are the others.
        family: see there.
        clips: see there.
        thread_seconds: looks an earlier trial of thread counts up.

    Raises:
        PlanError: where no plan can be made for this model.
        ConfigError: for more workers than there are GPUs.
    """
    make = partial(
        make_plan,
        config,
        family,
        clips,
        download_bytes=alone.download_bytes,
        clip_notes=alone.clip_notes,
        steps_of=alone.profiles.steps_of,
    )
    return with_crew(alone, config, clips, make, thread_seconds)


def make_plan(
    config: Config,
    family: Family,
    clips: Sequence[Clip],
    target: Target,
    *,
    download_bytes: int,
    notes: Sequence[str] = (),
    clip_notes: Sequence[Noted] = (),
    steps_of: StepsOf = all_steps,
) -> RunPlan:
    """Plans what some clips take on a device.

    Args:
        config: the whole config, its model's precision decided.
        family: drives the model; its weights may be missing.
        clips: what to render.
        target: the device.
        download_bytes: weight files that are not on the disk yet.
        notes: what the user should know, a sentence each.
        clip_notes: what the user should know of single clips.
        steps_of: which steps of a clip are made.

    Raises:
        PlanError: where no plan can be made for this model.
    """
    model, request = config.model.name, request_of(config)
    inputs = _inputs(config, family, target, download_bytes, clips)
    profiles = Profiles(family, model, target.tier.kernels, config.model.reference.fps, steps_of=steps_of)
    kinds = Counter(kind for clip in clips for kind in profiles.kinds(clip))
    shapes = tuple(_shape(spec, count, target.tier, request, profiles, inputs) for spec, count in kinds.items())
    if family.settings.cache and kinds:
        spec = next(iter(kinds))
        notes = (*notes, cache_note(family.settings.cache, spec, profiles.lenient(spec, False, None)))
    rest = rest_of(clips, profiles, lambda spec: _shape(spec, 1, target.tier, request, profiles, inputs))
    return RunPlan(
        model=model,
        dtype=config.model.dtype,
        target=target,
        request=request,
        clips=len(clips),
        longest_frames_bytes=max((_frames_bytes(clip, steps_of) for clip in clips), default=0),
        shapes=shapes,
        profiles=profiles,
        inputs=inputs,
        notes=(*notes, *(f"degraded: {one}" for one in of_family(family))),
        clip_notes=tuple(clip_notes),
        rest=rest,
    )


def _frames_bytes(clip: Clip, steps_of: StepsOf) -> int:
    """Returns the size of the decoded frames that are on the disk at once: of a draft those of its first segment."""
    is_draft = steps_of(clip).stop is not None
    frames = segments_of(clip)[0].clip.num_frames if is_draft else clip.num_frames
    return clip.width * clip.height * FRAME_BYTES * frames


def request_of(config: Config) -> PlanRequest:
    """Returns what the config requests, and what `run.degrade` lets the plan change."""
    memory, is_strict = config.memory, config.run.degrade == STRICT
    return PlanRequest(
        strategy=None if memory.strategy == AUTO else Strategy(memory.strategy),
        weights={name: stored for name, stored in memory.weights.items() if stored != NATIVE},
        vae_tiling=memory.vae_tiling,
        vae_tile_size=memory.vae_tile_size,
        stream=memory.stream,
        may_tile=not is_strict and memory.vae_tiling is None,
        may_shrink_weights=not is_strict,
    )


def _shape(
    spec: ClipSpec, clips: int, tier: Tier, request: PlanRequest, profiles: Profiles, inputs: PlanInputs
) -> ShapePlan:
    """Plans the requested settings first, so that their figures are listed even where others are chosen."""
    exact = replace(request, may_tile=False, may_shrink_weights=False)
    found = plan(spec, tier, exact, profiles, inputs=inputs)
    rows = found.rows
    if found.chosen is None and exact != request:
        found = plan(spec, tier, request, _fitting(profiles, request), inputs=inputs)
        for size in profiles.smaller_tiles(spec) if found.chosen is None and request.may_tile else ():
            tiled = replace(request, vae_tiling=True, vae_tile_size=size)
            found = plan(spec, tier, tiled, _fitting(profiles, request), inputs=inputs)
            if found.chosen is not None:
                break
        rows = rows if found.rows == rows else (*rows, *found.rows)
    return ShapePlan(spec=spec, clips=clips, rows=rows, chosen=found.chosen, why=found.why)


def _fitting(profiles: Profiles, request: PlanRequest) -> ProfileOf:
    """Returns the source of profiles: tiles that the user requested are required, others are optional."""
    return profiles if request.vae_tiling else profiles.lenient


def _sound_bytes(config: Config, clips: Sequence[Clip]) -> SoundBytes:
    """Returns what a second of sound takes on the disk, in floats and in files; of stereo at 48 kHz, if any."""
    makes_sound = own_rules(config.model).audio
    if not any(has_sound(clip, makes_sound=makes_sound) for clip in clips):
        return SoundBytes()
    return SoundBytes(decoded_per_s=FLOAT_STEREO_BYTES_PER_S, files_per_s=bytes_per_s(kinds_of(config)))


def _inputs(config: Config, family: Family, target: Target, download_bytes: int, clips: Sequence[Clip]) -> PlanInputs:
    checkpoint, variant = family.checkpoint, family.settings.variant
    stored = family.settings.quantization
    files = [name for name in family.components() if stored.get(name) == GGUF or checkpoint.is_gguf(name)]
    attention = family.settings.attention
    known = {
        stage: own_ratio(
            user_cache_folder(), device=target.device_name, stage=stage, attention=attention, model=config.model.name
        )
        for stage in MODEL_STAGES
    }
    return PlanInputs(
        download_bytes=download_bytes,
        file_bytes={name: checkpoint.size_bytes(name, variant) for name in files},
        clips=config.executor.wave_size or max(len(clips), 1),
        loads_again=_loads_again(config, clips),
        attention=attention,
        own_ratios={stage: ratio for stage, ratio in known.items() if ratio is not None},
        file_bytes_per_pixel=file_bytes_per_pixel(config),
        sound=_sound_bytes(config, clips),
        cache=family.settings.cache,
    )


def _loads_again(config: Config, clips: Sequence[Clip]) -> bool:
    """Says whether stages begin again, with others in between; waves that a run sizes itself hide their loading."""
    wave = config.executor.wave_size
    return (wave is not None and wave < len(clips)) or any(len(segments_of(clip)) > 1 for clip in clips)
