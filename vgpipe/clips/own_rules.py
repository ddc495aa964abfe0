"""What a model takes and makes, where its option of `conf/model` leaves that to the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vgpipe.config.model_schema import ModelConfig, RulesConfig
from vgpipe.errors import ConfigError, ModelError
from vgpipe.job.rules import AUTO

if TYPE_CHECKING:
    from vgpipe.models.pipeline.stock_inputs import ImageUse


def own_rules(model: ModelConfig) -> RulesConfig:
    """Returns the rules of a model; where they say `image: auto`, its checkpoint says whether it takes images.

    Args:
        model: its config.

    Returns:
        The rules. Where the checkpoint cannot be opened, or its pipeline is not driven, they leave images to whoever
        opens it next and says why.
    """
    rules = model.rules
    if rules.image != AUTO:
        return rules
    from vgpipe.hub.repo import is_hub_id

    asked = _of_repo if is_hub_id(model.id) else _said
    try:
        said = asked(model.id, model.revision, json.dumps(model.pipeline_kwargs))
    except (ModelError, ConfigError):
        return replace(rules, image="optional")
    last = "optional" if said.takes_last_image else rules.last_image
    return replace(rules, image=said.image, last_image=last, audio=rules.audio or said.makes_sound)


@dataclass(frozen=True, slots=True)
class _Said:
    image: ImageUse
    takes_last_image: bool
    makes_sound: bool


def _said(model_id: str, revision: str | None, pipeline_kwargs: str) -> _Said:
    """Returns what a checkpoint says; of a repo, its small files are downloaded.

    Raises:
        ModelError: where there is none, or its pipeline is not driven.
        ConfigError: where no id is given.
    """
    from vgpipe.models.base import Settings
    from vgpipe.models.families import generic
    from vgpipe.models.open import Origin, open_checkpoint

    given: Mapping[str, Any] = json.loads(pipeline_kwargs)
    driver = generic.family(open_checkpoint(Origin(model_id, revision)), Settings(pipeline_kwargs=given))
    return _Said(driver.source.image, driver.takes_last_image, driver.sound_rate_hz() is not None)


_of_repo = lru_cache(maxsize=16)(_said)  # every question of a branch is a request to the hub
