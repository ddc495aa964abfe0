"""Models times devices: the largest clip that fits each, or how each would do the same job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vgpipe.config.arguments import Arguments
from vgpipe.config.load import load
from vgpipe.config.overrides import group_options
from vgpipe.config.schema import Config
from vgpipe.config.sources import Sources
from vgpipe.errors import UsageError, VgpipeError
from vgpipe.planner.choice.advice import largest
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.profiling.known_stages import KnownStages
from vgpipe.plans.crew_planning import with_crew
from vgpipe.plans.inputs import clips_to_plan, planned_model
from vgpipe.plans.largest import Largest
from vgpipe.plans.planning import make_plan, request_of
from vgpipe.plans.profiles import Profiles, spec_of
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.target import Target, target_of
from vgpipe.terminal import write_error

ALL, MODEL, HARDWARE = "all", "model", "hardware"
EXIT_NOTHING_FITS = 2
Show = Callable[[Sequence[RunPlan], Sequence[Largest]], None]
"""Shows the plans of a job, or where there is no job the largest clips."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One model on one device.

    Attributes:
        config: with both.
        target: the device.
    """

    config: Config
    target: Target


def axes(given: Arguments) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None, tuple[str, ...]]:
    """Takes the models and the devices out of a command line that names several.

    Returns:
        The models, the devices (None for one that has a single option), and the other overrides.

    Raises:
        UsageError: for options that are not there.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    rest = []
    for override in given.overrides:
        group, equals, value = override.partition("=")
        if group in (MODEL, HARDWARE) and equals and ("," in value or value == ALL):
            chosen[group] = _names(group, value, given)
        else:
            rest.append(override)
    return chosen.get(MODEL), chosen.get(HARDWARE), tuple(rest)


def _names(group: str, value: str, given: Arguments) -> tuple[str, ...]:
    known = group_options(group, given.sources, given.overrides)
    if value == ALL:
        return tuple(name for name in known if group == MODEL or name not in ("auto", "cpu"))
    names = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"{group}: {unknown[0]!r} is not one of its options -> one of: {', '.join(known)}")
    return names


def show_matrix(
    models: Sequence[str] | None,
    tiers: Sequence[str] | None,
    rest: Sequence[str],
    sources: Sources,
    *,
    show: Show,
) -> int:
    """Plans every model on every device and shows that.

    Args:
        models: options of `model`; None for the one that `rest` names.
        tiers: options of `hardware`; None for the one that `rest` names.
        rest: the other overrides, which hold for all.
        sources: where configs are looked up.
        show: writes the plans of a job, or the largest clips.

    Returns:
        The exit code: 0 where any of them fits, else 2.

    Raises:
        UsageError: where the config or the job is invalid.
    """
    pairs = list(_pairs(models, tiers, rest, sources))
    if any(override.startswith("job=") for override in rest):
        plans = [plan for pair in pairs if (plan := _planned(pair)) is not None]
        show(plans, ())
        return 0 if any(plan.fits for plan in plans) else EXIT_NOTHING_FITS
    stages = KnownStages()
    found = [one for pair in pairs if (one := _largest(pair, stages)) is not None]
    show((), found)
    return 0 if any(one.forecast for one in found) else EXIT_NOTHING_FITS


def _pairs(
    models: Sequence[str] | None, tiers: Sequence[str] | None, rest: Sequence[str], sources: Sources
) -> Iterator[Pair]:
    """Gives every pair; each option is composed once, not once a pair."""
    devices = [_config(rest, HARDWARE, name, sources).hardware for name in tiers or ()]
    for model in models or (None,):
        config = _config(rest, MODEL, model, sources)
        for hardware in devices or (config.hardware,):
            target = target_of(hardware, for_run=False, folder=Path(config.store.dir))
            yield Pair(replace(config, hardware=hardware), target)


def _config(rest: Sequence[str], group: str, option: str | None, sources: Sources) -> Config:
    return load([*rest, *([f"{group}={option}"] if option else [])], sources)


def _planned(pair: Pair) -> RunPlan | None:
    try:
        clips, notes = clips_to_plan(pair.config)
        model = planned_model(pair.config, pair.target)
        given = model.config, model.family, clips
        make = partial(make_plan, *given, download_bytes=model.download_bytes, notes=notes)
        return with_crew(make(pair.target), model.config, clips, make)
    except (VgpipeError, OSError) as error:
        _report(pair, error)
        return None


def _largest(pair: Pair, stages: KnownStages) -> Largest | None:
    try:
        clips, _ = clips_to_plan(pair.config)
        model = planned_model(pair.config, pair.target)
        tier, config = pair.target.tier, model.config
        fps = config.model.reference.fps
        profiles = Profiles(model.family, config.model.name, tier.kernels, fps, stages=stages)
        settings, request, reference = model.family.settings, request_of(config), spec_of(clips[0])
        inputs = PlanInputs(download_bytes=model.download_bytes, attention=settings.attention, cache=settings.cache)
        forecast = largest(
            tier,
            request,
            profiles.lenient,
            inputs=inputs,
            rules=config.model.rules,
            reference=reference,
            smaller_tiles=profiles.smaller_tiles,
        )
    except (VgpipeError, OSError) as error:
        _report(pair, error)
        return None
    name = config.model.name
    return Largest(model=name, tier=tier, reference=reference, request=request, forecast=forecast)


def _report(pair: Pair, error: Exception) -> None:
    write_error(f"{pair.config.model.name} on {pair.target.tier.name}: {error}")
