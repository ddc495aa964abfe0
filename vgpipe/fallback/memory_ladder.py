"""What a stage does when memory runs out: it takes the next fallback step, remembers it, and tries the clip again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from vgpipe.clips.clip_state import ClipState, SegmentState, Shape
from vgpipe.clips.degradation import CACHE, Degradation
from vgpipe.errors import first_line
from vgpipe.fallback.clip_size import ClipSizes
from vgpipe.fallback.context import LadderContext
from vgpipe.fallback.wording import describe_rung, describe_tiles
from vgpipe.memory.ladder import Allowed, MemoryRung, next_rung
from vgpipe.memory.out_of_memory import is_of_host, is_out_of_memory
from vgpipe.memory.strategies import Role, most_frugal
from vgpipe.models.base import Family
from vgpipe.models.pipeline.vae_options import tile_sizes
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, FP8, MODEL_STAGES, NATIVE, NO_CACHE, STRICT

log = logging.getLogger(__name__)

ROLES = {ENCODE: Role.ENCODER, DENOISE: Role.DENOISER, DECODE: Role.DECODER}
MAX_STEPS_DOWN = 12
"""Of one clip in one stage; a smaller clip starts counting again."""
EARLIER = "memory ran out without it in an earlier run"
PLANNED = "the plan: without it, it does not fit"

Place = tuple[str, Shape | None]
"""What memory settings are for: a stage, and a shape where the stage's memory depends on it."""


@dataclass(frozen=True, slots=True)
class StepDown:
    """What a stage does about an out-of-memory error.

    Attributes:
        memory: the memory settings to try the clip again with.
        reason: what ran out of memory.
        is_resized: whether the clip was made smaller instead.
    """

    memory: MemoryRung
    reason: str
    is_resized: bool = False


class MemoryLadder:
    """Knows the memory settings of every stage and shape, and takes the next fallback step where memory runs out.

    Where components live is one for a whole stage; what changes bits is kept by shape, so that a clip's bits do not
    depend on the other clips of its job.

    Args:
        context: what the ladder works on.

    Attributes:
        strategies: stage -> where its components live now.
    """

    def __init__(self, context: LadderContext):
        self._context = context
        self.strategies = dict(context.strategies)
        self._rungs: dict[Place, MemoryRung] = {}
        self._families: dict[tuple[str, MemoryRung], Family] = {}
        self._steps_down: Counter[tuple[str, str]] = Counter()
        self._reasons: dict[Place, str] = {}
        self._warned: set[Degradation] = set()
        self._taken: set[Place] = set()
        self._sizes = ClipSizes(context, self._warn)

    def prepare(self, state: ClipState) -> None:
        """Gives a new clip the memory settings that the plan and earlier runs say it needs."""
        places = [(stage, segment) for segment in state.segments for stage in MODEL_STAGES]
        for stage, segment in places:
            self.strategies[stage] = self._rung(stage, segment).strategy
        for stage, segment in places:
            self.apply(segment, stage)
            if segment.is_orphan:
                self.prepare(state)
                return

    def apply(self, segment: SegmentState, stage: str) -> None:
        """Gives a segment the size and memory settings of its shape in a stage, with its keys and degradations.

        The segment is an orphan after this where its clip is split into shorter ones. Stages that a failed check has
        driven by safer settings stay as they are.
        """
        self._sizes.apply(segment, MODEL_STAGES[MODEL_STAGES.index(stage) :])
        if segment.is_orphan or stage in segment.safer:
            return
        rung = self._rung(stage, segment)
        family = self._family(stage, rung)
        if family is segment.families.get(stage, self._context.family):
            return
        reason = self._reasons.get(_place(stage, segment), EARLIER)
        segment.use_family(stage, family, self._degradations(stage, rung, reason))
        self._context.rekey(segment.parent)

    def step_down(self, segment: SegmentState, stage: str, error: Exception) -> StepDown | None:
        """Takes the next fallback step where an error says that memory ran out and there is one.

        Args:
            segment: what it happened to; changed in place.
            stage: where.
            error: what happened.

        Returns:
            What to try; None where the clip fails.
        """
        counter = segment.clip.id, stage
        if not is_out_of_memory(error) or self._steps_down[counter] >= MAX_STEPS_DOWN:
            return None
        self._steps_down[counter] += 1
        reason = f"{stage}: {first_line(error)}"
        is_host = self._context.device["kind"] != "cpu" and is_of_host(error)
        rung = next_rung(self._rung(stage, segment), ROLES[stage], self._allowed(stage, segment), is_host=is_host)
        if rung is None:
            return self._shrink(segment, stage, reason)
        self._take(segment, stage, rung, reason)
        return StepDown(rung, reason)

    def step_down_after_kill(
        self, segment: SegmentState, stage: str, before: MemoryRung | None, reason: str, *, is_sure: bool
    ) -> bool:
        """Takes the next fallback step of a stage in which the process was killed, from the step it had reached.

        Args:
            segment: of the shape that was at work; changed in place.
            stage: the stage.
            before: the memory settings it was killed with; None where they are not known.
            reason: why, for the degradation.
            is_sure: whether memory was the reason; else later runs do not begin with this step.

        Returns:
            Whether there is a step.
        """
        place = _place(stage, segment)
        if before is not None and self._may_take(before, stage, segment):
            self._rungs[place] = before
            self.strategies[stage] = before.strategy
        has_device = self._context.device["kind"] != "cpu"  # a process is killed for RAM alone
        rung = next_rung(self._rung(stage, segment), ROLES[stage], self._allowed(stage, segment), is_host=has_device)
        if rung is None:
            return self._shrink(segment, stage, reason) is not None
        self._take(segment, stage, rung, reason)
        if not is_sure:
            self._taken.discard(place)
        return True

    def settings_of(self, segment: SegmentState, stage: str) -> tuple[Mapping[str, Any], MemoryRung]:
        """Returns what the memory settings of a segment in a stage are kept under, and these settings."""
        return self._note_key(_place(stage, segment)), self._rung(stage, segment)

    def remember(self, segment: SegmentState, stage: str) -> None:
        """Keeps, for later runs, the memory settings that a stage fitted with after it had run out of memory."""
        place = _place(stage, segment)
        if place in self._taken:
            self._context.notes.remember(self._note_key(place), asdict(self._rungs[place]))

    def _take(self, segment: SegmentState, stage: str, rung: MemoryRung, reason: str) -> None:
        place = _place(stage, segment)
        log.warning("out of memory in %s of %s; trying again with %s", stage, segment.clip.id, describe_rung(rung))
        self._rungs[place], self._reasons[place] = rung, reason
        self._taken.add(place)
        self.strategies[stage] = rung.strategy
        self.apply(segment, stage)

    def _shrink(self, segment: SegmentState, stage: str, reason: str) -> StepDown | None:
        # A text takes as much memory for a smaller clip.
        if stage == ENCODE or not self._sizes.shrink(segment, stage, reason):
            return None
        self._steps_down[segment.clip.id, stage] = 0
        if segment.is_orphan:
            self.prepare(segment.parent)
        else:
            self.apply(segment, stage)
        return StepDown(self._rung(stage, segment), reason, is_resized=True)

    def _rung(self, stage: str, segment: SegmentState) -> MemoryRung:
        place = _place(stage, segment)
        if place not in self._rungs:
            self._rungs[place] = self._first_rung(stage, segment, place)
        rung = self._rungs[place]
        return replace(rung, strategy=most_frugal((self.strategies[stage], rung.strategy)))

    def _first_rung(self, stage: str, segment: SegmentState, place: Place) -> MemoryRung:
        planned = self._planned(stage, segment)
        remembered = self._context.notes.find_as(MemoryRung, self._note_key(place))
        if remembered is None or not self._may_take(remembered, stage, segment):
            return planned
        return remembered

    def _planned(self, stage: str, segment: SegmentState) -> MemoryRung:
        rung = self._asked(stage)
        forecast = self._context.forecast_of(segment.planned)
        if forecast is None:
            return rung
        asked = self._context.family.settings.quantization
        components = set(self._components(stage))
        stored = {name: how for name, how in forecast.weights.items() if name in components}
        others = {name: how for name, how in stored.items() if how != asked.get(name, NATIVE)}
        if forecast.vae_tiling and not rung.vae_tiling and stage == DECODE:
            rung = replace(rung, vae_tiling=True, vae_tile_size=forecast.vae_tile_size)
        rung = replace(rung, weights=tuple(sorted(others.items())))
        if not rung.is_bit_identical_to(self._asked(stage)):
            self._reasons[_place(stage, segment)] = PLANNED
        return rung

    def _may_take(self, rung: MemoryRung, stage: str, segment: SegmentState) -> bool:
        asked, allowed = self._asked(stage), self._allowed(stage, segment)
        moves = rung.strategy is not self._context.strategies[stage]
        has_other_tiles = (rung.vae_tiling, rung.vae_tile_size) != (asked.vae_tiling, asked.vae_tile_size)
        return (
            (allowed.strategies or not moves)
            and (not has_other_tiles or rung.vae_tile_size in allowed.tile_sizes)
            and set(rung.weights) <= {(name, FP8) for name in allowed.shrinkable}
            and (allowed.may_drop_cache or not rung.drops_cache)
        )

    def _asked(self, stage: str) -> MemoryRung:
        settings = self._context.family.settings
        strategy = self.strategies[stage]
        return MemoryRung(strategy=strategy, vae_tiling=settings.vae_tiling, vae_tile_size=settings.vae_tile_size)

    def _allowed(self, stage: str, segment: SegmentState) -> Allowed:
        config, family = self._context.config, self._context.family
        is_strict = config.run.degrade == STRICT
        may_move = config.memory.strategy == "auto" or not is_strict
        if is_strict:
            return Allowed(strategies=may_move)
        may_tile = stage == DECODE and config.memory.vae_tiling is not False
        clip = segment.clip
        sizes = tile_sizes(family, max(clip.width, clip.height)) if may_tile else ()
        typed = set(config.memory.weights) | set(family.settings.quantization)
        shrinkable = [name for name in self._components(stage) if name not in typed] if stage != DECODE else []
        has_cache = stage == DENOISE and family.settings.cache is not None
        return Allowed(strategies=may_move, tile_sizes=sizes, shrinkable=tuple(shrinkable), may_drop_cache=has_cache)

    def _components(self, stage: str) -> tuple[str, ...]:
        """Returns the components with large weights of a stage."""
        family = self._context.family
        components = {
            ENCODE: tuple(name for name in family.encode_components if name.startswith("text_encoder")),
            DENOISE: family.denoise_components(from_image=False),
            DECODE: family.decode_components,
        }
        return components[stage]

    def _family(self, stage: str, rung: MemoryRung) -> Family:
        """Returns what drives a stage with some memory settings: the run's own family where they change no bit."""
        asked, family = self._asked(stage), self._context.family
        if rung.is_bit_identical_to(asked):
            return family
        bits = (stage, replace(rung, strategy=asked.strategy))
        if bits not in self._families:
            stored = {**family.settings.quantization, **dict(rung.weights)}
            settings = replace(
                family.settings,
                quantization={name: how for name, how in stored.items() if how != NATIVE},
                vae_tiling=rung.vae_tiling,
                vae_tile_size=rung.vae_tile_size,
                cache=None if rung.drops_cache else family.settings.cache,
            )
            self._families[bits] = family.with_settings(settings)
        return self._families[bits]

    def _degradations(self, stage: str, rung: MemoryRung, reason: str) -> list[Degradation]:
        asked, found = self._asked(stage), []
        if (rung.vae_tiling, rung.vae_tile_size) != (asked.vae_tiling, asked.vae_tile_size):
            found.append(Degradation("vae_tiling", describe_tiles(asked), describe_tiles(rung), reason, stage))
        settings = self._context.family.settings
        if rung.drops_cache:
            found.append(Degradation(CACHE, str(settings.cache), NO_CACHE, reason, stage))
        for name, how in rung.weights:
            before = f"{name} {settings.quantization.get(name, settings.dtype_of(name))}"
            found.append(Degradation("weights", before, f"{name} {how}", reason, stage))
        for degradation in found:
            self._warn(degradation)
        return found

    def _warn(self, degradation: Degradation) -> None:
        """Warns once: thousands of clips may share a degradation."""
        if degradation not in self._warned:
            self._warned.add(degradation)
            log.warning("degraded: %s", degradation)

    def _note_key(self, place: Place) -> Mapping[str, Any]:
        stage, shape = place
        family, memory = self._context.family, asdict(self._context.config.memory)  # what was asked for may need less
        model = {
            "model": family.checkpoint.name,
            "dtype": family.settings.dtype,
            "component_dtypes": dict(family.settings.component_dtypes),
            **({"cache": family.settings.cache.marks()} if family.settings.cache else {}),
        }
        of_place = {"stage": stage, "shape": list(shape) if shape else None}
        return {**self._context.device, **model, "memory": memory, **of_place}


def _place(stage: str, segment: SegmentState) -> Place:
    return stage, None if stage == ENCODE else segment.shape  # a text is the same at every size
