"""From decoded frames in the store to finished files in the run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from vgpipe.errors import StoreError
from vgpipe.executor.work import ClipWork, Degradation, State
from vgpipe.exporters.base import Exporter
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.rundir import RunDir

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.exporters.joined import Span

log = logging.getLogger(__name__)

EXPORTER = "exporter"
"""The kind of degradation."""


class Delivery:
    """Exports clips, places their files into the run and lets go of frames that nobody needs any more.

    Args:
        store: where frames and finished files are.
        run_dir: where the files go.
        exporter: writes them.
        previous: clip id -> its record of an earlier go at this run.
        watermark: text drawn over the frames; None leaves them as they are.
    """

    def __init__(
        self,
        store: Store,
        run_dir: RunDir,
        exporter: Exporter,
        previous: Mapping[str, Mapping[str, Any]],
        watermark: str | None = None,
    ):
        self._watermark = watermark
        self._store, self._run_dir, self._exporter = store, run_dir, exporter
        self._previous = previous
        self._frames_users: Counter[str] = Counter()

    def expect(self, works: Iterable[ClipWork]) -> None:
        """Counts who will need which frames: clips that differ only in fps share them."""
        self._frames_users = Counter(part.keys.frames.digest for work in works for part in work.segments)

    def renamed(self, before: ClipKeys, after: ClipKeys) -> None:
        """Counts a clip whose frames have another name from now on."""
        if before.frames.digest in self._frames_users:
            self._frames_users[before.frames.digest] -= 1
            self._frames_users[after.frames.digest] += 1

    def take_from_store(self, work: ClipWork) -> None:
        """Finishes a clip whose files the store already has; keeps what an earlier go at the run measured."""
        before = self._previous.get(work.id, {})
        if any(one.get("kind") == "model" for one in before.get("degradations") or ()):
            # A stand-in's file must not lie beside the clip itself, or pass for it; it comes from the store if need be.
            for path in before.get("files", {}).values():
                self._run_dir.discard(path)
        work.take_over(before, [kind for kind, path in before.get("files", {}).items() if self._run_dir.has(path)])
        artifact = self._store.find(work.keys.export)
        if artifact is None:
            return
        try:
            self.place(work, artifact)
        except OSError as error:
            work.state, work.error = State.FAILED, f"export: {error}"
            log.error("%s failed in %s", work.clip.id, work.error)
            return
        work.state = State.DONE
        work.is_reused = before.get("state") != State.DONE.value or bool(before.get("reused"))
        for part in work.segments:
            self._store.discard(part.keys.frames)  # a kill between export and here left them

    def export(self, work: ClipWork) -> Artifact | None:
        """Makes a clip's export artifact; runs in the worker thread.

        Returns:
            The artifact; None where another process took the frames away, so that they must be made again.
        """
        from vgpipe.exporters.joined import JoinedFrames
        from vgpipe.stages import export

        made = self._store.find(work.keys.export)  # another process may share the store
        found = [self._store.find(part.keys.frames) for part in work.segments] if made is None else []
        spans = [_span(part, frames) for part, frames in zip(work.segments, found, strict=False) if frames is not None]
        if made is not None or len(spans) < len(work.segments):
            return made
        try:
            frames_THWC = JoinedFrames(spans, self._mark(work))
            return export.run(
                self._store, work.keys.export, exporter=self._exporter, frames_THWC=frames_THWC, fps=work.clip.fps
            )
        except (FileNotFoundError, StoreError):  # the latter where they go while the file is being written
            if all(self._store.find(part.keys.frames) for part in work.segments):
                raise
            return None

    def _mark(self, work: ClipWork) -> Callable[[np.ndarray], np.ndarray] | None:
        from vgpipe.exporters.watermark import watermark

        size = {"width": work.clip.width, "height": work.clip.height}
        return watermark(self._watermark, **size) if self._watermark else None

    def place(self, work: ClipWork, artifact: Artifact) -> None:
        """Puts a clip's finished files into the run, under the kind that was really made; a canary has none there.

        Raises:
            OSError: where they cannot be placed.
        """
        if work.is_canary:
            return
        kind = artifact.info.get("kind", self._exporter.kind)
        work.files[kind] = self._run_dir.place(kind, work.clip.id, artifact.paths())
        told = artifact.info.get("degradation")
        others = [one for one in work.degradations if one.kind != EXPORTER]
        work.degradations = (*others, *([Degradation(EXPORTER, **told)] if told else []))

    def let_go(self, work: ClipWork) -> None:
        """Discards a clip's frames once no other clip needs them: large, and made again from the latents."""
        for part in work.segments:
            digest = part.keys.frames.digest
            self._frames_users[digest] -= 1
            if self._frames_users[digest] <= 0:
                self._store.discard(part.keys.frames)


def _span(part: ClipWork, frames: Artifact) -> Span:
    from vgpipe.exporters.joined import Span
    from vgpipe.stages import decode

    start, stop = (part.segment.start, part.segment.stop) if part.segment else (0, part.clip.num_frames)
    return Span(partial(decode.read, frames), start, stop)
