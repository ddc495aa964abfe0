"""Which clips memory had made otherwise than asked, so that the same job finds them in the store again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from vgpipe.executor.work import ClipWork, Degradation
from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.notes import Notes

BITS = ("quantization", "vae_tiling", "vae_tile_size")
NOTES_FILE = "memory-notes.jsonl"
SIZE = ("width", "height", "num_frames")


@dataclass(frozen=True, slots=True)
class MadeOtherwise:
    """Remembers how clips were finished that could not be made as asked.

    Attributes:
        notes: what earlier runs learnt.
        family: drives the model as it was asked for.
        keys_of: names a clip's artifacts, from the clip and stage -> family.
        degrade: how far the run may degrade.
    """

    notes: Notes
    family: Family
    keys_of: Callable[[Clip, Mapping[str, Family]], ClipKeys]
    degrade: str

    def remember(self, work: ClipWork, wanted: Clip) -> None:
        """Notes how a finished clip was made.

        Args:
            work: the clip.
            wanted: it, as its model was asked for.
        """
        if not work.families and work.clip == wanted:
            return
        bits = {stage: {name: _plain(one, name) for name in BITS} for stage, one in work.families.items()}
        size = {name: getattr(work.clip, name) for name in SIZE}
        told = [asdict(one) for one in work.degradations]
        self.notes.remember(self._about(wanted), {"stages": bits, "size": size, "degradations": told})

    def take(self, work: ClipWork, store: Store) -> bool:
        """Names a clip's artifacts as an earlier run made them, where they are still there and this run may take them.

        Returns:
            Whether it did.
        """
        fact = self.notes.find(self._about(work.clip)) if self.degrade != "strict" else None
        if not isinstance(fact, dict):
            return False
        try:
            width, height, num_frames = (int(fact["size"][name]) for name in SIZE)
            clip = replace(work.clip, width=width, height=height, num_frames=num_frames)
            told = tuple(Degradation(**one) for one in fact["degradations"])
            families = {stage: self._family(bits) for stage, bits in fact["stages"].items()}
        except (KeyError, TypeError, ValueError):
            return False
        if clip != work.clip and self.degrade != "any":
            return False
        keys = self.keys_of(clip, families)
        if store.find(keys.export) is None:
            return False
        if clip != work.clip:
            work.asked, work.clip = work.asked or work.clip, clip
        work.families, work.keys = families, keys
        work.degradations = (*work.degradations, *(one for one in told if one not in work.degradations))
        return True

    def _family(self, bits: Mapping[str, Any]) -> Family:
        kept = {name: bits[name] for name in BITS}
        return self.family.with_settings(replace(self.family.settings, **kept))

    def _about(self, clip: Clip) -> dict[str, Any]:
        return {"made": self.keys_of(clip, {}).export.digest}


def notes_of(store: Store) -> Notes:
    """Returns the notes that runs on a store keep for each other."""
    return Notes(store.root / NOTES_FILE)


def _plain(family: Family, name: str) -> Any:
    value = getattr(family.settings, name)
    return dict(value) if isinstance(value, Mapping) else value
