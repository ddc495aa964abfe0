"""What a model takes and makes, where its option of `conf/model` leaves that to the checkpoint."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.config.model_schema import ModelConfig, RulesConfig
from vgpipe.errors import ConfigError, ModelError
from vgpipe.job.rules import AUTO


def own_rules(model: ModelConfig) -> RulesConfig:
    """Returns the rules of a model; where they say `image: auto`, its checkpoint says whether it takes images.

    Args:
        model: its config.

    Returns:
        The rules. Where the checkpoint cannot be opened, or its pipeline is not driven, they leave images to whoever
        opens it next and says why.
    """
    if model.rules.image != AUTO:
        return model.rules
    from vgpipe.models.base import Settings
    from vgpipe.models.families import generic
    from vgpipe.models.open import Origin, open_checkpoint

    try:
        checkpoint = open_checkpoint(Origin(model.id, model.revision))
        driver = generic.family(checkpoint, Settings(pipeline_kwargs=model.pipeline_kwargs))
        makes_sound = driver.sound_rate_hz() is not None
    except (ModelError, ConfigError):
        return replace(model.rules, image="optional")
    last = "optional" if driver.takes_last_image else model.rules.last_image
    audio = model.rules.audio or makes_sound
    return replace(model.rules, image=driver.source.image, last_image=last, audio=audio)
