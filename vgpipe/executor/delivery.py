"""From decoded frames in the store to finished files in the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_record import PastRecord
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.degradation import EXPORTER, Degradation
from vgpipe.clips.finished_files import FinishedFiles
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.clips.judging import MEASURES, facts_of, failed, frames_of
from vgpipe.clips.same_frames import SameFrames
from vgpipe.errors import StoreError
from vgpipe.executor.base import WorkInputs
from vgpipe.executor.clip_sound import sound_of
from vgpipe.executor.stage_inputs import required
from vgpipe.exporters.exported import POSTER_FILE
from vgpipe.fallback.files_gate import FilesGate
from vgpipe.fallback.loading_ladder import pinned
from vgpipe.fallback.wording import REMEDIES, rejection
from vgpipe.provenance.recipe import Recipes
from vgpipe.store.artifacts import Artifact, LostArtifact
from vgpipe.store.placed_files import Among, is_preview
from vgpipe.store.rundir import RunDir

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.exporters.joined_frames import JoinedFrames, Span

log = logging.getLogger(__name__)

POSTER = "poster"


class ExportDelivery:
    """Exports clips, places their files into the run, and releases frames that nobody needs any more.

    Args:
        finished: the store and the exporters.
        run_dir: where the files go.
        keys: computes store keys; knows the exporters' settings.
        previous: clip id -> what an earlier attempt at the run recorded of it.
        frame_users: counts who needs which frames.
        recipes: what files say of how they were made; None leaves that out.
        gate: judges files before a clip counts as done; None takes them as they are.
    """

    def __init__(
        self,
        finished: FinishedFiles,
        run_dir: RunDir,
        keys: ArtifactKeys,
        previous: Mapping[str, PastRecord],
        frame_users: FrameUsers,
        recipes: Recipes | None = None,
        gate: FilesGate | None = None,
    ):
        self._finished, self._store, self._run_dir = finished, finished.store, run_dir
        self._keys, self._recipes, self._gate = keys, recipes, gate
        self._previous, self._frame_users = previous, frame_users
        self._same_frames = SameFrames()

    def reuse(self, state: ClipState) -> None:
        """Finishes a clip whose files the store has; keeps what an earlier attempt at the run measured.

        Files that a check rejects are rejected again, unless something is left to try: then the clip stays pending.
        """
        past = self._past(state)
        if past.is_other_model:
            # The other model's file must not lie beside the clip, or pass for it; the store has it where it is needed.
            for path in past.files.values():
                self._run_dir.discard(path)
        state.restore(
            files={kind: path for kind, path in past.files.items() if self._run_dir.has(path)},
            seconds=past.seconds,
            peak_ram_gb=past.peak_ram_gb,
            peak_vram_gb=past.peak_vram_gb,
        )
        artifacts = self._finished.found(state.keys)
        if artifacts is None or (self._gate is not None and not self._gate.takes(state, artifacts)):
            return
        try:
            self.place(state, artifacts)
        except OSError as error:
            if self._finished.found(state.keys) is None:  # garbage to another process, since it was found
                return
            state.fail(f"export: {error}")
            log.error("%s failed in %s", state.clip.id, state.error)
            return
        if state.is_rejected:
            log.error("%s failed in %s", state.clip.id, state.error)
        else:
            was_as_far = past.is_done and past.draft_steps == state.draft
            state.finish_from_store(is_reused=not was_as_far or past.is_reused)
        for segment in state.segments:
            self._store.discard(segment.keys.frames)  # a kill between export and here left them

    def export(self, state: ClipState) -> tuple[Artifact, ...] | None:
        """Makes a clip's export artifacts; runs in the export thread.

        Returns:
            One for each exporter; None where another process took the frames away, so that they must be made again.
        """
        found = self._finished.found(state.keys)  # another process may share the store
        if found is not None:
            return found
        try:
            made = [self._export(state, number) for number in range(len(self._finished.exporters))]
        except LostArtifact as error:
            self._store.set_aside(error.key, error.reason)
            return None
        except (FileNotFoundError, StoreError):  # the latter where they vanish while the file is being written
            if all(self._store.find(segment.keys.frames) for segment in state.segments):
                raise
            return None
        # Not `found` again: the file of a fallback encoder may be for this clip alone.
        artifacts = tuple(artifact for artifact in made if artifact is not None)
        return artifacts if len(artifacts) == len(made) else None

    def _export(self, state: ClipState, number: int) -> Artifact | None:
        """Makes the file of one exporter unless it is there; replaces that of a fallback encoder no longer needed."""
        from vgpipe.stages import export

        key, exporter = state.keys.exports[number], self._finished.exporters[number]
        if (found := self._finished.find(key, number)) is not None:
            return found
        if self._store.find(key) is not None:
            self._store.discard(key)
        recipe = self._recipes.of(state, self._keys.exporters[number]) if self._recipes else None
        frames = [required(self._store, segment.keys.frames) for segment in state.segments]
        with sound_of(state, frames, makes_sound=self._keys.model.makes_sound) as sound:
            return export.run(
                self._store,
                key,
                exporter=exporter,
                frames_THWC=self._joined(state, frames),
                fps=state.clip.fps,
                recipe=recipe,
                notes=state.text_notes,
                facts=facts_of(frames),
                sound=sound,
            )

    def _joined(self, state: ClipState, frames: Sequence[Artifact]) -> JoinedFrames:
        from vgpipe.exporters.joined_frames import JoinedFrames

        spans = [_span(segment, artifact) for segment, artifact in zip(state.segments, frames, strict=True)]
        return JoinedFrames(spans, self._watermark(state))

    def _watermark(self, state: ClipState) -> Callable[[np.ndarray], np.ndarray] | None:
        from vgpipe.exporters.watermark import watermark

        text = self._keys.model.watermark
        return watermark(text, width=state.clip.width, height=state.clip.height) if text else None

    def has_files(self, state: ClipState) -> bool:
        """Says whether the store has all files of a clip."""
        return self._finished.has(state.keys)

    def place(self, state: ClipState, artifacts: Sequence[Artifact]) -> None:
        """Puts a clip's finished files into the run, under the kinds that were really made; a canary has none there.

        They are judged first: nothing that a check rejects gets a place among the good ones, and its clip has failed
        after this.

        Raises:
            OSError: where they cannot be placed.
        """
        if state.is_canary:
            return
        self._judge(state, artifacts)
        placed: dict[str, str] = {}
        for artifact in sorted(artifacts, key=_is_replacement):  # what the user asked for has the first right to a name
            self._place_one(state.clip.stem, artifact, placed, _among(state))
        kept = self._without_replacements(state, placed)
        replacements = [Degradation(EXPORTER, **one.info["degradation"]) for one in artifacts if _is_replacement(one)]
        state.deliver({**kept, **placed}, replacements, _measures(artifacts), _sound(artifacts))
        state.note_texts(_text_notes(artifacts) or state.text_notes)

    def _judge(self, state: ClipState, artifacts: Sequence[Artifact]) -> None:
        """Judges a clip by the numbers that lie with its files, and compares its frames with those of other seeds."""
        if self._gate is None:
            return
        judge = self._gate.judge
        prompts = [segment.clip.prompt for segment in state.segments]
        is_heard = state.clip.audio is None
        verdicts = judge.clip(prompts, artifacts, is_canary=state.has_few_steps, is_heard=is_heard)
        if self._gate.scoring is not None:
            state.note_score(self._gate.scoring.of(state, verdicts))
        if verdicts is None:  # made by an older version, which judged nothing
            state.note_verdicts(None)
            return
        same = self._same_frames.verdict(state, frames_of(artifacts), judge)
        state.note_verdicts((*verdicts, *([same] if same else [])))
        verdict = failed(state.verdicts)
        if verdict is not None and not state.is_rejected:
            state.reject(rejection(verdict, REMEDIES[self._gate.tries.policy]))
        for warning in state.warnings:
            log.warning("%s: %s", state.id, warning)

    def _place_one(self, stem: str, artifact: Artifact, placed: dict[str, str], among: Among) -> None:
        made = str(artifact.info["kind"])
        kind = next(name for name in chain((made,), (f"{made}_{n}" for n in count(2))) if name not in placed)
        posters = [path for path in artifact.paths() if path.name == POSTER_FILE]
        sources = [path for path in artifact.paths() if path not in posters]
        placed[kind] = self._run_dir.place(kind, stem, sources, taken=placed.values(), among=among)
        if posters:
            placed[POSTER] = self._run_dir.place(POSTER, stem, posters, among=among)

    def _without_replacements(self, state: ClipState, placed: Mapping[str, str]) -> dict[str, str]:
        """Removes files of fallback encoders that are no longer needed, and what now lies elsewhere.

        The preview of a clip that has been finished since stays, and its record names it no more.

        Returns:
            The earlier files that stay.
        """
        earlier = {kind: path for kind, path in state.files.items() if state.draft or not is_preview(path)}
        outdated = (self._past(state).replacement_kinds & set(earlier)) - set(placed)
        moved = {kind for kind, path in earlier.items() if placed.get(kind, path) != path}
        for kind in outdated | moved:
            is_own = state.clip.stem in earlier[kind]  # else another clip of the run may have that name by now
            if is_own and earlier[kind] not in placed.values():
                self._run_dir.discard(earlier[kind])
        return {kind: path for kind, path in earlier.items() if kind not in outdated}

    def _past(self, state: ClipState) -> PastRecord:
        return self._previous.get(state.id, PastRecord())

    def release_frames(self, state: ClipState) -> None:
        """Discards a clip's frames that no other clip needs: they are large, and made again from the latents."""
        for segment in state.segments:
            if self._frame_users.release(segment.keys.frames.digest):
                self._store.discard(segment.keys.frames)


def recipes_of(inputs: WorkInputs) -> Recipes | None:
    """Returns what files say of how they were made; None where the user does not want that."""
    if not inputs.config.run.metadata:
        return None
    return Recipes(pinned(inputs.model), inputs.config.memory, inputs.keys.model.family, inputs.finished.store)


def _among(state: ClipState) -> Among:
    if state.is_rejected:
        return Among.REJECTED
    return Among.FINISHED if state.draft is None else Among.PREVIEWS


def _is_replacement(artifact: Artifact) -> bool:
    return bool(artifact.info.get("degradation"))


def _measures(artifacts: Sequence[Artifact]) -> dict[str, float] | None:
    """Returns what the frames of a clip measure: those of a file as the sheet found them, else as they were decoded."""
    of_files = (one.info.get("file", {}).get(MEASURES) for one in artifacts)
    found = next(filter(None, (*of_files, *(one.info.get(MEASURES) for one in artifacts))), None)
    return found if isinstance(found, dict) else None


def _sound(artifacts: Sequence[Artifact]) -> dict[str, Any] | None:
    """Returns the length, level and peaks of a clip's sound; None where no file has any."""
    found = (one.info.get("sound") for one in artifacts)
    return next((one for one in found if isinstance(one, dict)), None)


def _text_notes(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    found = (one.info.get("notes") for one in artifacts)
    return next((tuple(map(str, notes)) for notes in found if isinstance(notes, list) and notes), ())


def _span(state: SegmentState, frames: Artifact) -> Span:
    from vgpipe.exporters.joined_frames import Span
    from vgpipe.stages import decode

    return Span(partial(decode.StoredFrames, frames), state.segment.start, state.segment.stop)
