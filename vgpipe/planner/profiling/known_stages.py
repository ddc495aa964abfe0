"""Keeps the stages that have run, for profiles of which only another stage differs; imports no model library."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from vgpipe.models.base import Family
from vgpipe.planner.profile_records import ClipSpec, Kernels, StageProfile
from vgpipe.planner.profiling.profile_key import key_of
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

MOST = 24  # stages of the sizes that are tried for one model


@dataclass(frozen=True, slots=True)
class KnownStage:
    """A stage that has run.

    Attributes:
        profile: its measurements.
        parts: component -> its modules.
        result: embeddings, or latents; None where the stage gives none or was estimated.
    """

    profile: StageProfile
    parts: dict[str, Any]
    result: Any = None


class KnownStages:
    """Stages by key; the one that was used longest ago is dropped."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, KnownStage] = OrderedDict()

    def get(self, key: Hashable) -> KnownStage | None:
        """Returns a stage; None where it has not run."""
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def put(self, key: Hashable, stage: KnownStage) -> None:
        """Keeps a stage."""
        self._known[key] = stage
        if len(self._known) > MOST:
            self._known.popitem(last=False)


def stage_key(family: Family, spec: ClipSpec, kernels: Kernels, stage: str) -> Hashable:
    """Returns what tells a stage apart from those of other profiles: everything that can change it, and no more.

    Args:
        family: bound to the model.
        spec: the clip, of which encoding a text sees nothing.
        kernels: those to assume.
        stage: encode, denoise or decode.
    """
    if not _runs_vae(family, spec, stage):
        settings = replace(family.settings, vae_tiling=False, vae_tile_size=None, vae_slicing=False)
        family = family.with_settings(settings)
    if stage == ENCODE:
        spec = replace(spec, width=0, height=0, num_frames=0)
    return stage, key_of(family, spec, kernels), spec.num_inference_steps if stage == DENOISE else None


def _runs_vae(family: Family, spec: ClipSpec, stage: str) -> bool:
    """Returns whether tiles may matter to a stage; a pipeline that is run whole decodes where it denoises."""
    decoders = set(family.decode_components)
    needed = {ENCODE: family.encode_components, DENOISE: family.denoise_components(from_image=spec.from_image)}
    return stage == DECODE or not decoders or not decoders.isdisjoint(needed[stage])
