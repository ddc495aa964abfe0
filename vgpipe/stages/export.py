"""export: frames to the files that the user asked for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    from vgpipe.exporters.base import Exporter
    from vgpipe.exporters.exported import Exported
    from vgpipe.exporters.joined_frames import Frames
    from vgpipe.sound.track import Track

SOUND = "sound"
"""Key of the artifact's info: length, level and peaks of the sound in the file."""
VERSION = 1
"""Part of every store key of a finished file: goes up where all exporters write other bytes of the same frames."""


def run(
    store: Store,
    key: Key,
    *,
    exporter: Exporter,
    frames_THWC: Frames,
    fps: float,
    recipe: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
    sound: Track | None = None,
) -> Artifact | None:
    """Exports one clip into the store.

    Args:
        store: where the artifact goes.
        key: its name.
        exporter: writes the files.
        frames_THWC: uint8; read one by one.
        fps: frames per second.
        recipe: what the file shall say of how it was made, as plain values; None for nothing.
        notes: what of the clip's texts the model does not read, a sentence each, for runs that find the file here.
        facts: what else such runs need to know of the frames, as plain values: the numbers of the checks.
        sound: of the clip; None for a file without.

    Returns:
        The artifact: one video, or one image a frame. Its info says which `kind` it is, what its `file` holds, its
        `notes`, of its `sound` the length, level and peaks, and the `degradation` (`asked`, `got`, `reason`; else None)
        where that is not what was asked for.

    Raises:
        ExportError: where the exporter could not deliver.
        StoreError: where the store cannot be written.
    """
    started = time.monotonic()
    with store.create(key) as draft:
        draft.info.update(facts or {})
        made = exporter.export(frames_THWC, fps=fps, folder=draft.folder, recipe=recipe, sound=sound)
        draft.info["kind"] = made.kind
        draft.info["file"] = dict(made.facts)
        draft.info["degradation"] = asdict(made.degradation) if made.degradation else None
        draft.info["notes"] = list(notes)
        if sound is not None and made.facts.get("sound"):
            draft.info[SOUND] = _summary(sound, made)
        draft.info["seconds"] = round(time.monotonic() - started, 4)
    return store.find(key)


def _summary(sound: Track, made: Exported) -> dict[str, Any]:
    from vgpipe.exporters.soundtrack import samples_of
    from vgpipe.sound.summary import summary_of

    rate = Fraction(str(made.facts["fps"]))
    return summary_of(sound, samples_of(int(made.facts["num_frames"]), rate, sound.sample_rate_hz))
