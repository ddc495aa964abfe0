"""What a stage does when memory runs out: one rung down, remembered, and the clip is tried again."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict, replace
from typing import Any

from vgpipe.clips.clip_state import ClipWork, Degradation
from vgpipe.fallback.clip_size import Shape, Shrinking
from vgpipe.fallback.context import Ground
from vgpipe.fallback.wording import first_words, tiles, told
from vgpipe.memory.ladder import Allowed, MemoryRung, below
from vgpipe.memory.out_of_memory import is_of_host, is_out_of_memory
from vgpipe.memory.strategies import Role, most_frugal
from vgpipe.models.base import Family
from vgpipe.models.pipeline.vae_options import tile_sizes
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, FP8, NATIVE

log = logging.getLogger(__name__)

ROLES = {ENCODE: Role.ENCODER, DENOISE: Role.DENOISER, DECODE: Role.DECODER}
MAX_CLIMBS = 12
EARLIER = "memory ran out without it in an earlier run"


class MemoryLadder:
    """Knows the rung of every stage and shape, and takes the next one where memory runs out.

    Where components live is one for a whole stage; what changes bits is told apart by shape, so that a clip's bits do
    not depend on the others of its job.

    Attributes:
        strategies: stage -> where its components live now.
    """

    def __init__(self, ground: Ground):
        self._ground = ground
        self.strategies = dict(ground.strategies)
        self._rungs: dict[tuple[str, Shape | None], MemoryRung] = {}
        self._families: dict[tuple[str, MemoryRung], Family] = {}
        self._climbs: Counter[tuple[str, str]] = Counter()
        self._reasons: dict[tuple[str, Shape | None], str] = {}
        self._told: set[Degradation] = set()
        self._climbed: set[tuple[str, Shape | None]] = set()
        self._shrinking = Shrinking(ground, self._tell)

    def begin(self, work: ClipWork) -> None:
        """Takes, for a clip that nothing was made of yet, the rungs that plan and earlier runs say it needs."""
        places = [(stage, part) for part in work.segments for stage in ROLES]
        for stage, part in places:
            self.strategies[stage] = self._rung(stage, part).strategy
        for stage, part in places:
            self.fit(part, stage)
            if part.is_stale:
                self.begin(work)
                return

    def fit(self, work: ClipWork, stage: str) -> None:
        """Gives a clip the size and rung that its shape has by now in a stage; its keys and degradations follow.

        A segment may be of no clip any more after this, which was then cut into shorter ones.
        """
        stages = list(ROLES)
        self._shrinking.keep_small(work, stages[stages.index(stage) :])
        if work.is_stale:
            return
        rung = self._rung(stage, work)
        family = self._family(stage, rung)
        if family is work.families.get(stage, self._ground.family):
            return
        work.families[stage] = family
        self._ground.rename(work)
        others = [one for one in work.degradations if one.stage != stage]
        work.degradations = (*others, *self._degradations(stage, rung, self._reasons.get(_place(stage, work), EARLIER)))

    def climb(self, work: ClipWork, stage: str, error: Exception) -> MemoryRung | None:
        """Takes the next rung, where an error says that memory ran out and there is one.

        Args:
            work: the clip that it happened to; gets what the new rung means for it.
            stage: where.
            error: what happened.

        Returns:
            The rung to try the clip again on; None where the clip fails.
        """
        if not is_out_of_memory(error) or self._climbs[work.id, stage] >= MAX_CLIMBS:
            return None
        self._climbs[work.id, stage] += 1
        rung = self._rung(stage, work)
        reason = f"{stage}: {first_words(error)}"
        is_host = self._ground.device["kind"] != "cpu" and is_of_host(error)
        found = below(rung, ROLES[stage], self._allowed(stage, work), is_host=is_host)
        if found is None:
            return self._rung(stage, work) if self._shrink(work, stage, reason) else None
        self._take(work, stage, found, reason)
        return found

    def _take(self, work: ClipWork, stage: str, rung: MemoryRung, reason: str) -> None:
        place = _place(stage, work)
        log.warning("out of memory in %s of %s; tried again with %s", stage, work.clip.id, told(rung))
        self._ground.event("memory_rung", stage=stage, clip=work.clip.id, rung=asdict(rung), reason=reason)
        self._rungs[place], self._reasons[place] = rung, reason
        self._climbed.add(place)
        self.strategies[stage] = rung.strategy
        self.fit(work, stage)

    def proved(self, work: ClipWork, stage: str) -> None:
        """Remembers, for runs to come, the rung that a stage fitted on after it had run out of memory."""
        place = _place(stage, work)
        if place in self._climbed:
            self._ground.notes.remember(self._about(place), asdict(self._rungs[place]))

    def _shrink(self, work: ClipWork, stage: str, reason: str) -> bool:
        # A text takes as much for a smaller clip.
        if stage == ENCODE or not self._shrinking.shrink(work, stage, reason):
            return False
        self._climbs[work.id, stage] = 0
        if work.is_stale:
            self.begin(work.owner)
        else:
            self.fit(work, stage)
        return True

    def _rung(self, stage: str, work: ClipWork) -> MemoryRung:
        place = _place(stage, work)
        if place not in self._rungs:
            self._rungs[place] = self._first_rung(stage, work, place)
        rung = self._rungs[place]
        return replace(rung, strategy=most_frugal((self.strategies[stage], rung.strategy)))

    def _first_rung(self, stage: str, work: ClipWork, place: tuple[str, Shape | None]) -> MemoryRung:
        planned = self._planned(stage, work)
        remembered = _read(self._ground.notes.find(self._about(place)))
        if remembered is None or not self._may_take(remembered, stage, work):
            return planned
        return remembered

    def _planned(self, stage: str, work: ClipWork) -> MemoryRung:
        rung = self._asked(stage)
        forecast = self._ground.forecast_of(work.planned)
        if forecast is None:
            return rung
        asked = self._ground.family.settings.quantization
        of_stage = set(self._components(stage))
        stored = {name: way for name, way in forecast.weights.items() if name in of_stage}
        others = {name: way for name, way in stored.items() if way != asked.get(name, NATIVE)}
        if forecast.vae_tiling and not rung.vae_tiling and stage == DECODE:
            rung = replace(rung, vae_tiling=True, vae_tile_size=forecast.vae_tile_size)
        rung = replace(rung, weights=tuple(sorted(others.items())))
        if not rung.has_bits_of(self._asked(stage)):
            self._reasons[_place(stage, work)] = "the plan: without it, it does not fit"
        return rung

    def _may_take(self, rung: MemoryRung, stage: str, work: ClipWork) -> bool:
        asked, allowed = self._asked(stage), self._allowed(stage, work)
        moves = rung.strategy is not self._ground.strategies[stage]
        is_tiled_anew = (rung.vae_tiling, rung.vae_tile_size) != (asked.vae_tiling, asked.vae_tile_size)
        return (
            (allowed.strategies or not moves)
            and (not is_tiled_anew or rung.vae_tile_size in allowed.tile_sizes)
            and set(rung.weights) <= {(name, FP8) for name in allowed.shrinkable}
        )

    def _asked(self, stage: str) -> MemoryRung:
        settings = self._ground.family.settings
        strategy = self.strategies[stage]
        return MemoryRung(strategy=strategy, vae_tiling=settings.vae_tiling, vae_tile_size=settings.vae_tile_size)

    def _allowed(self, stage: str, work: ClipWork) -> Allowed:
        config = self._ground.config
        is_strict = config.run.degrade == "strict"
        may_move = config.memory.strategy == "auto" or not is_strict
        if is_strict:
            return Allowed(strategies=may_move)
        may_tile = stage == DECODE and config.memory.vae_tiling is not False
        clip = work.clip
        sizes = tile_sizes(self._ground.family, max(clip.width, clip.height)) if may_tile else ()
        typed = set(config.memory.weights) | set(self._ground.family.settings.quantization)
        shrinkable = [name for name in self._components(stage) if name not in typed] if stage != DECODE else []
        return Allowed(strategies=may_move, tile_sizes=sizes, shrinkable=tuple(shrinkable))

    def _components(self, stage: str) -> tuple[str, ...]:
        """Returns the components with large weights of a stage."""
        family = self._ground.family
        parts = {
            ENCODE: tuple(part for part in family.encode_parts if part.startswith("text_encoder")),
            DENOISE: family.denoise_parts(from_image=False),
            DECODE: family.decode_parts,
        }
        return parts[stage]

    def _family(self, stage: str, rung: MemoryRung) -> Family:
        """Returns what drives a stage on a rung; where the bits are those that were asked for, the run's own family."""
        asked, ground = self._asked(stage), self._ground
        if rung.has_bits_of(asked):
            return ground.family
        bits = (stage, replace(rung, strategy=asked.strategy))
        if bits not in self._families:
            stored = {**ground.family.settings.quantization, **dict(rung.weights)}
            settings = replace(
                ground.family.settings,
                quantization={name: way for name, way in stored.items() if way != NATIVE},
                vae_tiling=rung.vae_tiling,
                vae_tile_size=rung.vae_tile_size,
            )
            self._families[bits] = ground.family.with_settings(settings)
        return self._families[bits]

    def _degradations(self, stage: str, rung: MemoryRung, reason: str) -> list[Degradation]:
        asked, found = self._asked(stage), []
        if (rung.vae_tiling, rung.vae_tile_size) != (asked.vae_tiling, asked.vae_tile_size):
            found.append(Degradation("vae_tiling", tiles(asked), tiles(rung), reason, stage))
        settings = self._ground.family.settings
        for name, way in rung.weights:
            before = f"{name} {settings.quantization.get(name, settings.dtype_of(name))}"
            found.append(Degradation("weights", before, f"{name} {way}", reason, stage))
        for degradation in found:
            self._tell(degradation)
        return found

    def _tell(self, degradation: Degradation) -> None:
        """Says it once: thousands of clips may share it."""
        if degradation not in self._told:
            self._told.add(degradation)
            log.warning("degraded: %s", degradation)

    def _about(self, place: tuple[str, Shape | None]) -> dict[str, Any]:
        stage, shape = place
        family = self._ground.family
        settings, typed = family.settings, asdict(self._ground.config.memory)  # what was asked for may need less
        model = {
            "model": family.checkpoint.name,
            "dtype": settings.dtype,
            "component_dtypes": dict(settings.component_dtypes),
        }
        place_of = {"stage": stage, "shape": list(shape) if shape else None}
        return {**self._ground.device, **model, "memory": typed, **place_of}


def _place(stage: str, work: ClipWork) -> tuple[str, Shape | None]:
    return stage, None if stage == ENCODE else work.shape  # a text is the same at every size


def _read(fact: Any) -> MemoryRung | None:
    from pydantic import TypeAdapter, ValidationError

    if fact is None:
        return None
    try:
        return TypeAdapter(MemoryRung).validate_python(fact)
    except ValidationError:
        return None
