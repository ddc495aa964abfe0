"""Which clips have their finished files in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from vgpipe.clips.requested import exporters_of
from vgpipe.config.schema import Config
from vgpipe.exporters.base import Exporter, exporters
from vgpipe.stages.denoised import can_continue
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key
from vgpipe.vocabulary import STRICT


class FinishedFiles:
    """Finds finished files in the store.

    The file of a fallback encoder counts only where the run allows one, and only as long as the encoder that the user
    asked for does not work.

    Args:
        store: where they are.
        exporters: returns what the user asked for; the exports of a clip's keys are theirs, in the same order. Called
            when one is needed: finished clips do without.
    """

    def __init__(self, store: Store, exporters: Callable[[], Sequence[Exporter]]):
        self.store, self._make_exporters = store, exporters

    @cached_property
    def exporters(self) -> tuple[Exporter, ...]:
        """What writes the files."""
        return tuple(self._make_exporters())

    def has(self, keys: ClipKeys) -> bool:
        """Says whether every file of a clip is there."""
        return self.found(keys) is not None

    def found(self, keys: ClipKeys) -> tuple[Artifact, ...] | None:
        """Returns every file of a clip; None where one is missing, or a draft could not be continued."""
        files = [self.find(key, number) for number, key in enumerate(keys.exports)]
        known = tuple(artifact for artifact in files if artifact is not None)
        return known if len(known) == len(files) and can_continue(self.store, keys) else None

    def find(self, key: Key, number: int) -> Artifact | None:
        """Returns what an exporter wrote; None where there is nothing, or only a fallback that is no longer needed.

        Args:
            key: of its file.
            number: its place among the exporters.
        """
        artifact = self.store.find(key)
        if artifact is None or not artifact.info.get("degradation"):
            return artifact
        return artifact if self.exporters[number].may_fall_back() else None


def finished_files_of(config: Config, store: Store | None = None) -> FinishedFiles:
    """Returns the finished files of a run's store, for the exporters of its config.

    Args:
        config: the whole config.
        store: where they are; None: the folder that the config names.
    """
    allow_fallback = config.run.degrade != STRICT
    return FinishedFiles(
        store or Store(Path(config.store.dir)), lambda: exporters(exporters_of(config), allow_fallback=allow_fallback)
    )
