"""What the judge of a run says of clips' previews, found in the store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from vgpipe.clips.from_config import HASHES_FILE
from vgpipe.config.judge_schema import JudgeConfig
from vgpipe.quality.judges import checks
from vgpipe.quality.judges.base import Needs, Score
from vgpipe.quality.judges.registry import JUDGES
from vgpipe.quality.verdict import Verdict

if TYPE_CHECKING:
    from vgpipe.clips.clip_state import ClipState, SegmentState
    from vgpipe.models.clip_model import ClipModel
    from vgpipe.store.artifacts import Store
    from vgpipe.store.digest import Key


class Scoring:
    """Knows who judges the previews of a run, and where the scores are.

    Args:
        config: the config's `judge`.
        store: where artifacts are.

    Attributes:
        judge: who judges.
        store: where artifacts are.
    """

    def __init__(self, config: JudgeConfig, store: Store):
        self._config, self.store = config, store
        self.judge = JUDGES[config.name]

    def open(self) -> None:
        """Opens the model that the user named for judging, if any, before anything is made.

        Raises:
            ModelError: where there is none, or it is not loaded here.
        """
        if self.judge.needs is Needs.OWN_MODEL:
            _ = self.clip_model

    def key_of(self, segment: SegmentState) -> Key | None:
        """Returns where the store has a draft's score; None for a final, and for scores that are in no artifact."""
        preview = segment.keys.preview
        if preview is None:
            return None
        from vgpipe.stages.judging import score_key

        judge = self.judge
        match judge.needs:
            case Needs.DENOISER:
                return score_key(judge, preview)
            case Needs.OWN_MODEL:
                seen = {"frames": segment.keys.frames.digest, "prompt": segment.clip.prompt}
                return score_key(judge, preview, model=self.clip_model.identity, **seen)
            case Needs.FRAMES:
                return None

    def is_missing(self, state: ClipState) -> bool:
        """Returns whether a draft is still to be judged."""
        key = self.key_of(state.segments[0])
        return key is not None and self.store.find(key) is None

    def of(self, state: ClipState, verdicts: Sequence[Verdict] | None) -> Score | None:
        """Returns the score of a draft; None of a final, and where the judge said nothing.

        Args:
            state: the clip.
            verdicts: what the checks say of its preview; None where nothing was judged.
        """
        segment = state.segments[0]
        if segment.keys.preview is None:
            return None
        key = self.key_of(segment)
        if key is None:
            return Score(self.judge.name, checks.score(verdicts)) if verdicts else None
        from vgpipe.stages.judging import score_of

        return score_of(self.judge, self.store.find(key))

    @cached_property
    def clip_model(self) -> ClipModel:
        """The CLIP model that the user named, not loaded.

        Raises:
            ModelError: where there is none.
        """
        from vgpipe.models.clip_model import open_clip
        from vgpipe.store.file_hashes import FileHashes

        hashes = FileHashes(self.store.root / HASHES_FILE)
        return open_clip(self._config.id or "", self._config.revision, hashes)
