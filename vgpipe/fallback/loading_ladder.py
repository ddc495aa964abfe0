"""The loading ladder: the ways to load a model, from what the user asked for downwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from vgpipe.clips import from_config
from vgpipe.clips.key_inputs import ModelFacts
from vgpipe.config.model_schema import ModelConfig, OriginConfig
from vgpipe.config.schema import Config
from vgpipe.errors import LoadError, ModelError, PrecisionError, VgpipeError
from vgpipe.fallback import loading_steps
from vgpipe.fallback.loading_steps import LoadFallback, LoadPlan
from vgpipe.models.base import Family
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.stages.keys import KeyMaker
from vgpipe.vocabulary import DECODE, STRICT

log = logging.getLogger(__name__)

WATERMARK = "PLACEHOLDER"


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that was opened in one way; its weights are loaded later.

    Attributes:
        plan: how it is loaded.
        keys: makes the store keys; knows the family and its checkpoint.
    """

    plan: LoadPlan
    keys: KeyMaker


class LoadingLadder:
    """Opens a model as asked, and where that fails in the next way that `run.degrade` allows and that may help.

    Args:
        config: the whole config.

    Raises:
        ConfigError: where a fallback is no model option.
    """

    def __init__(self, config: Config):
        self._config = config
        self._plan = loading_steps.first_plan(config)
        self._fallbacks = loading_steps.allowed_fallbacks(config)
        self._opened: LoadedModel | None = None

    def first(self) -> LoadedModel:
        """Opens the model in the first way that works.

        Raises:
            ModelError: where none does; what was wrong with the one that the user asked for.
        """
        try:
            self._opened = self._open(self._plan)
        except ModelError as error:
            opened = self.after(error)
            if opened is None:
                raise
            return opened
        return self._opened

    def after(self, cause: Exception) -> LoadedModel | None:
        """Opens the model in the next way that may help against a failure; None where there is none."""
        for fallback in list(self._fallbacks):
            if not isinstance(cause, fallback.helps_against):
                continue
            self._fallbacks.remove(fallback)
            opened = self._tried(fallback, cause)
            if opened is None:
                continue
            if opened.plan.is_other_model:  # nothing more can be done for the model that the user asked for
                self._fallbacks = [left for left in self._fallbacks if left.is_other_model]
            self._plan, self._opened = opened.plan, opened
            return opened
        return None

    def more_precise(self) -> Iterator[LoadedModel]:
        """Yields the ways that an overflow would lead to from here, without taking them."""
        for fallback in self._fallbacks:
            if PrecisionError in fallback.helps_against:
                opened = self._opened_by(fallback, "it overflowed in an earlier run")
                if opened is not None:
                    yield opened

    def _tried(self, fallback: LoadFallback, cause: Exception) -> LoadedModel | None:
        opened = self._opened_by(fallback, str(cause))
        if opened is None or opened.plan.is_other_model or self._opened is None:
            return opened
        return opened if _helps(cause, self._opened.keys.family, opened.keys.family) else None

    def _opened_by(self, fallback: LoadFallback, reason: str) -> LoadedModel | None:
        plan = fallback.next_plan(self._plan, reason)
        if plan is None:
            return None
        try:
            return self._open(plan)
        except (VgpipeError, OSError) as error:
            log.debug("%s cannot be opened: %s", plan.config.name, error)
            return None

    def _open(self, plan: LoadPlan) -> LoadedModel:
        config = self._config
        keys = from_config.key_maker(
            plan.config,
            config.memory,
            config.store.dir,
            watermark=WATERMARK if plan.is_placeholder else None,
            carries_recipe=config.run.metadata,
            is_other_model=plan.is_other_model,
            quality=config.quality,
        )
        from_config.refuse_unfit_files(keys.family, config.store.dir)
        left = from_config.unapplied_adapters(keys.family, config.store.dir)
        if left and config.run.degrade == STRICT:
            raise LoadError(f"model.loras: {left[0].reason} -> run.degrade=safe applies the rest")
        return LoadedModel(replace(plan, degradations=tuple(dict.fromkeys((*plan.degradations, *left)))), keys)


def _helps(cause: Exception, before: Family, after: Family) -> bool:
    """Says whether the new way would do differently what failed."""
    if isinstance(cause, PrecisionError):
        components = before.decode_components if cause.stage == DECODE else before.denoise_components(from_image=False)
        return any(before.settings.dtype_of(name) != after.settings.dtype_of(name) for name in components)
    if isinstance(cause, LoadError) and cause.component:
        variants = before.settings.variant, after.settings.variant
        files = [before.checkpoint.files(cause.component, variant) for variant in variants]
        return files[0] != files[1]
    return before.settings != after.settings


def pinned_model(model: ModelConfig, checkpoint: Checkpoint) -> ModelConfig:
    """Returns a model's config with the hub commits of its opened checkpoint in place of branches."""

    def pin(component: str, origin: OriginConfig) -> OriginConfig:
        repo = checkpoint.source(component).repo
        return replace(origin, revision=repo.commit) if repo else origin

    components = {name: pin(name, origin) for name, origin in model.components.items()}
    revision = checkpoint.repo.commit if checkpoint.repo else model.revision
    return replace(model, revision=revision, components=components)


def pinned(model: LoadedModel) -> ModelConfig:
    """Returns the config of a model as it was opened, its commits pinned."""
    return pinned_model(model.plan.config, model.keys.family.checkpoint)


def model_facts(model: LoadedModel) -> ModelFacts:
    """Returns which model was opened."""
    found = pinned(model)
    return ModelFacts(name=found.name, id=found.id, revision=found.revision)
