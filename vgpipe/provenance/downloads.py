"""What the model that a recipe names would have to be downloaded for, before anything is."""

from __future__ import annotations

from collections.abc import Iterator

from vgpipe.config.model_schema import ModelConfig
from vgpipe.hub.repo import Download, download_of, is_hub_id
from vgpipe.models.weights.precision import variant_for


def downloads(model: ModelConfig) -> tuple[Download, ...]:
    """Returns what is not on the disk yet of the repos that a model is taken from; asks the hub, downloads nothing.

    Args:
        model: its config.

    Raises:
        ModelError: where a repo does not exist, or the hub does not answer.
    """
    found = dict.fromkeys(_all_of(model))
    return tuple(one for one in found if one.size_bytes)


def _all_of(model: ModelConfig) -> Iterator[Download]:
    variant = variant_for(model.variant, model.dtype)
    if is_hub_id(model.id):
        yield download_of(model.id, model.revision, variant=variant)
    for origin in (*model.components.values(), *model.loras):
        if is_hub_id(origin.id):
            file = "/".join(filter(None, (origin.subfolder, origin.file))) if origin.file else None
            yield download_of(origin.id, origin.revision, variant=variant, file=file)
