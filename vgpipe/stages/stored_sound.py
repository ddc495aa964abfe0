"""The sound beside decoded frames, in the artifact of their stage."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from vgpipe.sound.record import Sound
from vgpipe.stages import arrays
from vgpipe.store.artifacts import Artifact, LostArtifact

if TYPE_CHECKING:
    from vgpipe.store.artifacts import ArtifactWriter

FILE = "sound.npy"
INFO = "sound"
RATE = "sample_rate_hz"


def save(draft: ArtifactWriter, sound: Sound) -> None:
    """Writes the sound of a clip into the artifact of its frames, and its rate into the artifact's info.

    Args:
        draft: the artifact that is being written.
        sound: (S, C) float32.

    Raises:
        OSError: where it cannot be written.
    """
    import numpy as np

    arrays.save(draft.path(FILE), sound.samples_SC.astype(np.float32, copy=False))
    draft.info[INFO] = {RATE: sound.sample_rate_hz, "channels": sound.channels, "samples": len(sound.samples_SC)}


def read(artifact: Artifact) -> Sound | None:
    """Returns the sound beside decoded frames; None where the model made none.

    Args:
        artifact: of decoding.

    Raises:
        LostArtifact: where it is missing or damaged.
    """
    import numpy as np

    if FILE not in artifact.files:
        return None
    try:
        samples_SC = np.load(io.BytesIO(artifact.read(FILE)), allow_pickle=False)
        return Sound(samples_SC, int(artifact.info[INFO][RATE]))
    except (ValueError, KeyError, TypeError) as error:
        raise LostArtifact(artifact.key, f"{FILE}: {error}") from None
