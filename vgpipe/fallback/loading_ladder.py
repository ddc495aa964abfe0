"""The loading ladder: the ways in which a model may be loaded, from what was asked for downwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from vgpipe.clips import from_config
from vgpipe.config.model_schema import ModelConfig, OriginConfig
from vgpipe.config.schema import Config
from vgpipe.errors import LoadError, ModelError, PrecisionError, VgpipeError
from vgpipe.fallback import loading_steps
from vgpipe.fallback.loading_steps import Move, Step
from vgpipe.models.base import Family
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.stages.keys import KeyMaker
from vgpipe.vocabulary import DECODE

log = logging.getLogger(__name__)

WATERMARK = "PLACEHOLDER"


@dataclass(frozen=True, slots=True)
class Rung:
    """A step that was taken.

    Attributes:
        step: how the model is loaded.
        model: its opened checkpoint; names artifacts.
    """

    step: Step
    model: KeyMaker


class ModelLadder:
    """Hands out the ways to load a model that `run.degrade` allows, each where it may help.

    Args:
        config: the whole config.

    Raises:
        ConfigError: where a fallback is no model option.
    """

    def __init__(self, config: Config):
        self._config = config
        self._step = loading_steps.asked(config)
        self._moves = loading_steps.allowed(config)
        self._rung: Rung | None = None

    def first(self) -> Rung:
        """Returns the first way whose checkpoint can be opened.

        Raises:
            ModelError: where none can; what was wrong with the one that was asked for.
        """
        try:
            self._rung = self._open(self._step)
        except ModelError as error:
            rung = self.after(error)
            if rung is None:
                raise
            return rung
        return self._rung

    def after(self, cause: Exception) -> Rung | None:
        """Returns the next way that may help against a failure; None where there is none."""
        for move in list(self._moves):
            if not isinstance(cause, move.helps):
                continue
            self._moves.remove(move)
            rung = self._tried(move, cause)
            if rung is None:
                continue
            if rung.step.is_other_model:  # what could be done for the model that was asked for is over
                self._moves = [left for left in self._moves if left.is_other_model]
            self._step, self._rung = rung.step, rung
            return rung
        return None

    def more_precise(self) -> Iterator[Rung]:
        """Yields the ways that overflow would lead to from here, without taking them."""
        for move in self._moves:
            if PrecisionError in move.helps:
                rung = self._made(move, "it overflowed when it was made before")
                if rung is not None:
                    yield rung

    def _tried(self, move: Move, cause: Exception) -> Rung | None:
        rung = self._made(move, str(cause))
        if rung is None or rung.step.is_other_model or self._rung is None:
            return rung
        return rung if _helps(cause, self._rung.model.family, rung.model.family) else None

    def _made(self, move: Move, reason: str) -> Rung | None:
        step = move.make(self._step, reason)
        if step is None:
            return None
        try:
            return self._open(step)
        except (VgpipeError, OSError) as error:
            log.debug("%s cannot be opened: %s", step.config.name, error)
            return None

    def _open(self, step: Step) -> Rung:
        mark = WATERMARK if step.is_placeholder else None
        memory, store_dir = self._config.memory, self._config.store.dir
        made = from_config.key_maker(
            step.config,
            memory,
            store_dir,
            watermark=mark,
            carries_recipe=self._config.run.metadata,
            is_stand_in=step.is_other_model,
        )
        return Rung(step, made)


def _helps(cause: Exception, before: Family, after: Family) -> bool:
    """Says whether what failed would be done otherwise now."""
    if isinstance(cause, PrecisionError):
        parts = before.decode_parts if cause.stage == DECODE else before.denoise_parts(from_image=False)
        return any(before.settings.dtype_of(part) != after.settings.dtype_of(part) for part in parts)
    if isinstance(cause, LoadError) and cause.component:
        variants = before.settings.variant, after.settings.variant
        files = [before.checkpoint.files(cause.component, variant) for variant in variants]
        return files[0] != files[1]
    return before.settings != after.settings


def pinned_model(model: ModelConfig, checkpoint: Checkpoint) -> ModelConfig:
    """Returns a model's config with the commits that its opened checkpoint really is of."""

    def pin(component: str, origin: OriginConfig) -> OriginConfig:
        repo = checkpoint.source(component).repo
        return replace(origin, revision=repo.commit) if repo else origin

    components = {name: pin(name, origin) for name, origin in model.components.items()}
    revision = checkpoint.repo.commit if checkpoint.repo else model.revision
    return replace(model, revision=revision, components=components)


def pinned(rung: Rung) -> ModelConfig:
    """Returns the model as a rung of the loading ladder loads it."""
    return pinned_model(rung.step.config, rung.model.family.checkpoint)
