"""Compares what a file's latents depend on with what is here now; renders nothing."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.from_config import key_maker
from vgpipe.config.schema import Config
from vgpipe.errors import UsageError, VgpipeError, first_line
from vgpipe.hardware import pick_device
from vgpipe.hardware.arithmetic import arithmetic_of
from vgpipe.provenance.diff import recipe_diff
from vgpipe.provenance.recipe import parts_of
from vgpipe.provenance.replay import Replay, ReplayOverrides, given_problem, read_replay
from vgpipe.stages.keys import KeyMaker
from vgpipe.store.artifacts import installed_versions

log = logging.getLogger(__name__)


class Answer(StrEnum):
    """Whether a file is reproducible here."""

    SAME = "same"
    DRIFTED = "drifted"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one file.

    Attributes:
        path: the file.
        answer: whether it is reproducible here.
        reasons: why, one line each.
        is_rendered: whether it was re-rendered to find out.
    """

    path: Path
    answer: Answer
    reasons: tuple[str, ...]
    is_rendered: bool = False


class Verifier:
    """Verifies files; a model that several of them share is opened once.

    Args:
        typed: overrides that say where models and images are now.
    """

    def __init__(self, typed: ReplayOverrides):
        self._typed = typed
        self._makers: dict[str, KeyMaker] = {}

    def recipe_of(self, path: Path) -> Replay:
        """Reads the recipe of a file.

        Raises:
            UsageError: where there is none, or one that cannot be followed.
        """
        return read_replay(path, self._typed)

    def verdict(self, path: Path) -> Verdict:
        """Compares the recipe of a file with what is here.

        Args:
            path: a video, an image, or a folder of frames.
        """
        try:
            replay = self.recipe_of(path)
            problem = given_problem(replay.clip)
            if problem is not None:
                return Verdict(path, Answer.UNVERIFIABLE, (problem,))
            changes = recipe_diff(replay.recipe, self._recipe_here(replay))
        except VgpipeError as error:
            return Verdict(path, Answer.UNVERIFIABLE, (_reason(error).removeprefix(f"{path}: "),))
        except Exception as error:  # the libraries raise anything where a checkpoint is not what it says
            log.debug("traceback of %s", path, exc_info=error)
            return Verdict(path, Answer.UNVERIFIABLE, (f"{type(error).__name__}: {first_line(error)}",))
        preview = (replay.preview,) if replay.preview else ()
        if changes:
            return Verdict(path, Answer.DRIFTED, (*changes, *preview))
        return Verdict(path, Answer.SAME, ("model, settings, versions and device are unchanged", *preview))

    def _recipe_here(self, replay: Replay) -> dict[str, Any]:
        """Returns what a recipe written here would say of the inputs of a file's latents."""
        maker = self._maker(replay.config)
        state = ArtifactKeys(maker, ()).new_state(replay.clip, draft=replay.draft)
        keys = dict.fromkeys(segment.keys.denoised.digest for segment in state.segments)
        return {
            "parts": parts_of(maker.family, state),
            "latents": [{"key": key} for key in keys],
            "versions": installed_versions(),
            "device": arithmetic_of(pick_device(replay.config.hardware.device)),
        }

    def _maker(self, config: Config) -> KeyMaker:
        model = repr((config.model, config.memory, config.quality))
        if model not in self._makers:
            self._makers[model] = key_maker(config.model, config.memory, config.store.dir, quality=config.quality)
        return self._makers[model]


def _reason(error: VgpipeError) -> str:
    """Returns an error on one line."""
    if isinstance(error, UsageError) and error.faults:
        return f"{error.headline}: {'; '.join(map(str, error.faults))}"
    return " ".join(str(error).split())
