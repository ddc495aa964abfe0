"""Commits of the hub in place of branches, so that a model is the same one later."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.config.model_schema import ModelConfig, OriginConfig
from vgpipe.executor.model_ladder import Rung
from vgpipe.models.checkpoint import Checkpoint


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
