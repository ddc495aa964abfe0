"""What is tried when a check fails: safer settings once, then, where `run.degrade=any` allows it, another seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.degradation import CHECKS, SEED, Degradation
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.models.base import Family, Settings
from vgpipe.models.pipeline.attention import SDPA
from vgpipe.quality.verdict import Verdict
from vgpipe.vocabulary import ANY, DECODE, DENOISE, ENCODE, GGUF, MODEL_STAGES, STRICT, DegradePolicy

FLOAT32 = "float32"
SEEDS = 2**32
"""Another seed is below this, as every model takes it."""


@dataclass(frozen=True, slots=True)
class SaferTries:
    """Takes a segment whose frames failed a check to its next try.

    Attributes:
        keys: computes store keys; its model's family drives the model as the user asked for it.
        policy: `run.degrade`.
        frame_users: counts who needs which frames.
    """

    keys: ArtifactKeys
    policy: DegradePolicy
    frame_users: FrameUsers = field(default_factory=FrameUsers)
    _families: dict[int, tuple[Family, Family]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def is_left(self, state: ClipState) -> bool:
        """Returns whether a clip of which a check failed would be tried again."""
        return self.may_change_seed(state) or any(self._safer(segment) for segment in state.segments)

    def take_safer(self, segment: SegmentState, verdict: Verdict) -> bool:
        """Has safer settings drive a segment; returns whether there are any that give other bits.

        Pieces of one trajectory change together, since they share its latents.

        Args:
            segment: what failed; changed in place.
            verdict: why.
        """
        if not self._safer(segment):
            return False
        state = segment.parent
        together = state.segments if segment.segment.trajectory is not None else (segment,)
        with self.frame_users.changing(state):
            for one in together:
                if families := self._safer(one):
                    one.use_safer(families, self._degradations(one, families, verdict))
            self.keys.rekey(state)
        return True

    def take_seed(self, segment: SegmentState, verdict: Verdict) -> None:
        """Has a clip be made with another seed.

        Args:
            segment: what failed; a segment of a long clip is an orphan after this.
            verdict: why.
        """
        state = segment.parent
        again = replace(state.clip, seed=other_seed(state.clip.seed))
        with self.frame_users.changing(state):
            self.keys.resize(state, again)
        state.degrade(Degradation(SEED, str(state.requested.seed), str(again.seed), _reason(verdict)))

    def end_with(self, segment: SegmentState) -> None:
        """Has a clip end with a segment that fails for good, so that what there is of it can be exported."""
        if segment.is_last or segment.is_orphan:
            return
        with self.frame_users.changing(segment.parent):
            self.keys.end_with(segment.parent, segment)

    def take_back(
        self, segment: SegmentState, families: Mapping[str, Family], degradations: tuple[Degradation, ...]
    ) -> None:
        """Has what drove a segment before safer settings drive it again.

        Args:
            segment: changed in place.
            families: as they were.
            degradations: as they were.
        """
        with self.frame_users.changing(segment.parent):
            segment.drive_as_before(families, degradations)
            self.keys.rekey(segment.parent)

    def may_change_seed(self, state: ClipState) -> bool:
        """Returns whether a clip may be made with another seed, and has not been yet."""
        return self.policy == ANY and not state.is_canary and not _has(state, SEED)

    def _safer(self, segment: SegmentState) -> dict[str, Family]:
        """Returns stage -> what drives it more safely, of the stages that then give other bits."""
        state = segment.parent
        if self.policy == STRICT or segment.safer or _has(state, SEED) or _has(state, CHECKS):
            return {}
        from_image = segment.clip.is_given_frames or segment.segment.given > 0
        families = {stage: segment.families.get(stage, self.keys.model.family) for stage in MODEL_STAGES}
        safer = {stage: self._safer_family(family) for stage, family in families.items()}
        return {
            stage: safer[stage]
            for stage in MODEL_STAGES
            if _identity(stage, safer[stage], from_image) != _identity(stage, families[stage], from_image)
        }

    def _safer_family(self, family: Family) -> Family:
        # The family is kept beside its safer one, so that no other gets its id.
        if id(family) not in self._families:
            settings = safer_settings(family.settings, family.decode_components)
            self._families[id(family)] = family, family.with_settings(settings)
        return self._families[id(family)][1]

    def _degradations(
        self, segment: SegmentState, families: Mapping[str, Family], verdict: Verdict
    ) -> list[Degradation]:
        found = []
        for stage, safer in families.items():
            before = segment.families.get(stage, self.keys.model.family)
            asked, got = (_described(one, stage) for one in (before, safer))
            found.append(Degradation(CHECKS, asked, got, _reason(verdict), stage))
        return found


def safer_settings(settings: Settings, decoders: tuple[str, ...]) -> Settings:
    """Returns settings with a VAE in float32 without tiles, torch's own attention, native weights and no step cache.

    Weights of a GGUF file stay, since the checkpoint has no others.

    Args:
        settings: as they are.
        decoders: the components that decode.
    """
    return replace(
        settings,
        component_dtypes={**settings.component_dtypes, **dict.fromkeys(decoders, FLOAT32)},
        quantization={name: how for name, how in settings.quantization.items() if how == GGUF},
        vae_tiling=False,
        vae_tile_size=None,
        vae_slicing=False,
        attention=SDPA,
        cache=None,
    )


def other_seed(seed: int) -> int:
    """Returns the seed that is tried in place of one whose clip a check failed; always the same for one seed."""
    return int.from_bytes(hashlib.sha256(f"another seed than {seed}".encode()).digest()[:8]) % SEEDS


def _identity(stage: str, family: Family, from_image: bool) -> Any:
    if stage == DENOISE:
        return family.denoise_identity(from_image=from_image)
    components = family.encode_components if stage == ENCODE else family.decode_components
    return {name: family.identity(name) for name in components}


def _described(family: Family, stage: str) -> str:
    """Returns in words what safer settings may change of a stage."""
    settings = family.settings
    if stage == DECODE:
        dtypes = ", ".join(f"{name} in {settings.dtype_of(name)}" for name in family.decode_components)
        tiles = "with tiles" if settings.vae_tiling else "no tiles"
        return f"{dtypes}, {tiles}"
    stored = ", ".join(f"{name} as {how}" for name, how in sorted(settings.quantization.items())) or "native weights"
    if stage == ENCODE:
        return stored
    cache = f", {settings.cache}" if settings.cache else ""
    return f"{settings.attention}, {stored}{cache}"


def _has(state: ClipState, kind: str) -> bool:
    return any(one.kind == kind for one in state.degradations)


def _reason(verdict: Verdict) -> str:
    return f"{verdict.check}: {verdict.says}"
