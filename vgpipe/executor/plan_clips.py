"""The clips that are planned for: those of the job, or one at the model's reference settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vgpipe.config.schema import Config
from vgpipe.executor import prepare
from vgpipe.job.clip import Clip

ANY = "any"
REQUIRED = "required"


def clips_to_plan(config: Config) -> tuple[Sequence[Clip], Sequence[str]]:
    """Returns the clips, and what the user should know about how the job was read.

    Without a job, one clip: neither its text nor its image have to be given, since no figure depends on them.

    Raises:
        JobError: naming everything that is wrong with the job or with `clip.*`.
    """
    if config.job is not None:
        made = prepare.request(config)
        return made.clips, made.notes
    rules = config.model.rules
    needs_image = rules.image == REQUIRED and config.clip.image is None
    clip = replace(config.clip, prompt=config.clip.prompt or ANY)
    relaxed = replace(rules, image="optional") if needs_image else rules
    made = prepare.request(replace(config, clip=clip, model=replace(config.model, rules=relaxed)))
    return [replace(one, image=ANY) if needs_image else one for one in made.clips], made.notes
