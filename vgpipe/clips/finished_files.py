"""Which clips have their finished files in the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.clips.requested import exporters_of
from vgpipe.config.schema import Config
from vgpipe.exporters.base import Exporter, exporters
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
        exporters: what the user asked for; the exports of a clip's keys are theirs, in the same order.
    """

    def __init__(self, store: Store, exporters: Sequence[Exporter]):
        self.store, self.exporters = store, tuple(exporters)

    def has(self, keys: ClipKeys) -> bool:
        """Says whether every file of a clip is there."""
        return self.found(keys) is not None

    def found(self, keys: ClipKeys) -> tuple[Artifact, ...] | None:
        """Returns every file of a clip; None where one is missing."""
        files = [self.find(key, exporter) for key, exporter in zip(keys.exports, self.exporters, strict=True)]
        known = tuple(artifact for artifact in files if artifact is not None)
        return known if len(known) == len(files) else None

    def find(self, key: Key, exporter: Exporter) -> Artifact | None:
        """Returns what an exporter wrote; None where there is nothing, or only a fallback that is no longer needed."""
        artifact = self.store.find(key)
        if artifact is None or not artifact.info.get("degradation"):
            return artifact
        return artifact if exporter.may_fall_back() else None


def finished_files_of(config: Config) -> FinishedFiles:
    """Returns the finished files of a run's store, for the exporters of its config."""
    made = exporters(exporters_of(config), allow_fallback=config.run.degrade != STRICT)
    return FinishedFiles(Store(Path(config.store.dir)), made)
