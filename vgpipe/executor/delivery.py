"""From decoded frames in the store to finished files in the run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from vgpipe.clips.artifact_keys import Names
from vgpipe.clips.clip_state import EXPORTER, ClipWork, Degradation, State
from vgpipe.clips.finished_files import Delivered
from vgpipe.errors import StoreError
from vgpipe.executor.stage_inputs import needed
from vgpipe.exporters.exported import POSTER_FILE
from vgpipe.provenance.recipe import Recipes
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Artifact
from vgpipe.store.rundir import RunDir

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.exporters.joined_frames import JoinedFrames, Span

log = logging.getLogger(__name__)

POSTER = "poster"


class Delivery:
    """Exports clips, places their files into the run and lets go of frames that nobody needs any more.

    Args:
        delivered: the store and the exporters.
        run_dir: where the files go.
        names: names artifacts; knows the exporters' settings.
        previous: clip id -> its record of an earlier go at this run.
        recipes: what files say of how they were made; None where they shall not.
    """

    def __init__(
        self,
        delivered: Delivered,
        run_dir: RunDir,
        names: Names,
        previous: Mapping[str, Mapping[str, Any]],
        recipes: Recipes | None = None,
    ):
        self._delivered, self._store, self._run_dir = delivered, delivered.store, run_dir
        self._names, self._recipes = names, recipes
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

    def cut_anew(self, before: Iterable[ClipKeys], after: Iterable[ClipKeys]) -> None:
        """Counts a long clip whose segments are others from now on."""
        self._frames_users.subtract(keys.frames.digest for keys in before)
        self._frames_users.update(keys.frames.digest for keys in after)

    def take_from_store(self, work: ClipWork) -> None:
        """Finishes a clip whose files the store already has; keeps what an earlier go at the run measured."""
        before = self._previous.get(work.id, {})
        if any(one.get("kind") == "model" for one in before.get("degradations") or ()):
            # A stand-in's file must not lie beside the clip itself, or pass for it; it comes from the store if need be.
            for path in before.get("files", {}).values():
                self._run_dir.discard(path)
        work.take_over(before, [kind for kind, path in before.get("files", {}).items() if self._run_dir.has(path)])
        artifacts = self._delivered.found(work.keys)
        if artifacts is None:
            return
        try:
            self.place(work, artifacts)
        except OSError as error:
            work.state, work.error = State.FAILED, f"export: {error}"
            log.error("%s failed in %s", work.clip.id, work.error)
            return
        work.state = State.DONE
        work.is_reused = before.get("state") != State.DONE.value or bool(before.get("reused"))
        for part in work.segments:
            self._store.discard(part.keys.frames)  # a kill between export and here left them

    def export(self, work: ClipWork) -> tuple[Artifact, ...] | None:
        """Makes a clip's export artifacts; runs in the worker thread.

        Returns:
            One for each exporter; None where another process took the frames away, so that they must be made again.
        """
        made = self._delivered.found(work.keys)  # another process may share the store
        if made is not None:
            return made
        try:
            for number in range(len(self._delivered.exporters)):
                self._export(work, number)
        except (FileNotFoundError, StoreError):  # the latter where they go while the file is being written
            if all(self._store.find(part.keys.frames) for part in work.segments):
                raise
            return None
        return self._delivered.found(work.keys)

    def _export(self, work: ClipWork, number: int) -> None:
        """Makes the file of one exporter, where it is not there yet; a stand-in's that has had its day makes way."""
        from vgpipe.stages import export

        key, exporter = work.keys.exports[number], self._delivered.exporters[number]
        if self._delivered.find(key, exporter) is not None:
            return
        if self._store.find(key) is not None:
            self._store.discard(key)
        recipe = self._recipes.of(work, self._names.exporters[number]) if self._recipes else None
        frames_THWC = self._frames(work)
        export.run(self._store, key, exporter=exporter, frames_THWC=frames_THWC, fps=work.clip.fps, recipe=recipe)

    def _frames(self, work: ClipWork) -> JoinedFrames:
        from vgpipe.exporters.joined_frames import JoinedFrames

        spans = [_span(part, needed(self._store, part.keys.frames)) for part in work.segments]
        return JoinedFrames(spans, self._mark(work))

    def _mark(self, work: ClipWork) -> Callable[[np.ndarray], np.ndarray] | None:
        from vgpipe.exporters.watermark import watermark

        size = {"width": work.clip.width, "height": work.clip.height}
        text = self._names.model.watermark
        return watermark(text, **size) if text else None

    def place(self, work: ClipWork, artifacts: Sequence[Artifact]) -> None:
        """Puts a clip's finished files into the run, under the kinds that were really made; a canary has none there.

        Raises:
            OSError: where they cannot be placed.
        """
        if work.is_canary:
            return
        files: dict[str, str] = {}
        for artifact in sorted(artifacts, key=_is_stand_in):  # what was asked for has the first right to a name
            self._place_one(work.clip.id, artifact, files)
        self._drop_stand_ins(work, files)
        work.files = {**work.files, **files}
        told = [artifact.info["degradation"] for artifact in artifacts if _is_stand_in(artifact)]
        others = [one for one in work.degradations if one.kind != EXPORTER]
        work.degradations = (*others, *(Degradation(EXPORTER, **one) for one in told))
        work.measures = next((m for one in artifacts if (m := one.info.get("file", {}).get("measures"))), None)

    def _place_one(self, clip_id: str, artifact: Artifact, files: dict[str, str]) -> None:
        made = str(artifact.info["kind"])
        kind = next(name for name in chain((made,), (f"{made}_{n}" for n in count(2))) if name not in files)
        posters = [path for path in artifact.paths() if path.name == POSTER_FILE]
        sources = [path for path in artifact.paths() if path not in posters]
        files[kind] = self._run_dir.place(kind, clip_id, sources, taken=files.values())
        if posters:
            files[POSTER] = self._run_dir.place(POSTER, clip_id, posters)

    def _drop_stand_ins(self, work: ClipWork, files: Mapping[str, str]) -> None:
        """Removes what stood in for files that are there now."""
        told = self._previous.get(work.id, {}).get("degradations") or ()
        kinds = {str(one.get("got")).partition(" ")[0] for one in told if one.get("kind") == EXPORTER}
        for kind in kinds & set(work.files) - set(files):
            path = work.files.pop(kind)
            if path not in files.values():
                self._run_dir.discard(path)

    def let_go(self, work: ClipWork) -> None:
        """Discards a clip's frames once no other clip needs them: large, and made again from the latents."""
        for part in work.segments:
            digest = part.keys.frames.digest
            self._frames_users[digest] -= 1
            if self._frames_users[digest] <= 0:
                self._store.discard(part.keys.frames)


def _is_stand_in(artifact: Artifact) -> bool:
    return bool(artifact.info.get("degradation"))


def _span(part: ClipWork, frames: Artifact) -> Span:
    from vgpipe.exporters.joined_frames import Span
    from vgpipe.stages import decode

    start, stop = (part.segment.start, part.segment.stop) if part.segment else (0, part.clip.num_frames)
    return Span(partial(decode.read, frames), start, stop)
