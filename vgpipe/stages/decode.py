"""decode: latents to frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

from vgpipe.job.clip import Clip
from vgpipe.job.segment import Trajectory
from vgpipe.models.base import Components, DecodeRequest, Family
from vgpipe.outside_file import open_outside
from vgpipe.stages import arrays, stored_sound
from vgpipe.store.artifacts import Artifact, LostArtifact, Store
from vgpipe.store.digest import Key

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.stages.denoise import Denoised
    from vgpipe.stages.seams import Seam

FILE = "frames.npy"
VERSION = 2
"""Part of every store key of frames: goes up where slicing latents, VAE tiles or rounding gives other frames."""


def run(
    store: Store,
    key: Key,
    clip: Clip,
    *,
    family: Family,
    components: Components,
    denoised: Denoised,
    trajectory: Trajectory | None = None,
    seam: Seam | None = None,
    context_frames: int = 0,
) -> Artifact | None:
    """Decodes one clip into the store.

    Args:
        store: where the artifact goes.
        key: its name.
        clip: the clip.
        family: drives the model.
        components: the loaded `family.decode_components`.
        denoised: what denoising left.
        trajectory: the longer pass that the clip is a piece of; None where the latents are its own.
        seam: what joins it to the previous segment; None where it starts on its own.
        context_frames: frames before the clip's own that its latents begin with.

    Returns:
        The artifact: `frames.npy`, (T, H, W, 3) uint8, and where the model makes sound `sound.npy`, (S, C) float32. Its
        info says what the `checks` and the `measures` found, and of the `sound` its rate.

    Raises:
        StoreError: where the store cannot be written.
    """
    started = time.monotonic()
    request = DecodeRequest(
        latents=_latents(family, clip, denoised, trajectory),
        width=clip.width,
        height=clip.height,
        num_frames=clip.num_frames,
        generator=denoised.generator(),
        embeds_dtype=denoised.embeds_dtype,
        first_frame=trajectory.first_frame if trajectory else 0,
        total_frames=trajectory.num_frames if trajectory else None,
        context_frames=context_frames,
    )
    decoded = family.decode(components, request)
    frames_THWC, sound = decoded.frames_THWC, decoded.sound
    facts: dict[str, Any] = {}
    if seam is not None:
        from vgpipe.stages.seams import join_segment

        frames_THWC, facts = join_segment(frames_THWC, seam)
    facts |= measured(frames_THWC, clip)
    if sound is not None:
        from vgpipe.quality.sound_checks import sound_numbers

        facts["checks"] |= sound_numbers(sound.samples_SC)
    with store.create(key) as draft:
        arrays.save(draft.path(FILE), frames_THWC)
        if sound is not None:
            stored_sound.save(draft, sound)
        draft.info["seconds"] = round(time.monotonic() - started, 4)
        draft.info.update(facts)
    return store.find(key)


def measured(frames_THWC: np.ndarray, clip: Clip) -> dict[str, Any]:
    """Returns what is kept of frames: the numbers of the `checks`, whatever judges them later, and the `measures`.

    Args:
        frames_THWC: uint8.
        clip: what they were asked for.
    """
    from vgpipe.quality.checking import Expected, FrameChecks
    from vgpipe.quality.measures import Measures

    checks = FrameChecks(clip.fps, Expected(clip.width, clip.height, clip.num_frames))
    measures = Measures()
    for frame_HWC in frames_THWC:
        checks.add(frame_HWC)
        measures.add(frame_HWC)
    return {"checks": checks.numbers(), "measures": measures.result()}


def _latents(family: Family, clip: Clip, denoised: Denoised, trajectory: Trajectory | None) -> Any:
    if trajectory is None:
        return denoised.latents
    place = {"first_frame": trajectory.first_frame, "num_frames": clip.num_frames}
    return family.slice_latents(denoised.latents, **place, total_frames=trajectory.num_frames)


class StoredFrames:
    """The frames of a decode artifact, read one by one from the disk.

    Mapped into memory, they would change while they are exported, and end the process where the file is cut.

    Args:
        artifact: of decoding.

    Attributes:
        shape: T, H, W, 3.

    Raises:
        LostArtifact: where they are missing or damaged.
    """

    def __init__(self, artifact: Artifact):
        self._artifact = artifact
        with _opened(artifact) as file:
            self.shape = file.shape

    def __getitem__(self, wanted: slice) -> Iterator[np.ndarray]:
        """Yields a range of the frames, (H, W, 3) uint8, and ends only where the whole file is as it was written.

        Raises:
            LostArtifact: where it is not.
        """
        start, stop, _ = wanted.indices(self.shape[0])
        if start >= stop:
            return
        with _opened(self._artifact) as file:
            for index in range(self.shape[0]):
                frame_HWC = file.frame(self.shape)
                if start <= index < stop:
                    yield frame_HWC
            file.require_whole()


class _FramesFile:
    """An open file of frames, and the digest of what was read so far."""

    def __init__(self, artifact: Artifact, file: BinaryIO):
        import numpy as np

        self._artifact, self._file, self._digest = artifact, file, sha256()
        np.lib.format.read_magic(self)  # type: ignore[arg-type] # it needs `read` alone
        self.shape, _, self._dtype = np.lib.format.read_array_header_1_0(self)  # type: ignore[arg-type]

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def frame(self, shape: tuple[int, ...]) -> np.ndarray:
        import numpy as np

        data = self.read(prod(shape[1:]))
        return np.frombuffer(data, np.uint8).reshape(shape[1:])  # a ValueError where the file has been cut

    def require_whole(self) -> None:
        if self.read(1) or self._digest.hexdigest() != self._artifact.files[FILE]["sha256"]:
            raise LostArtifact(self._artifact.key, f"checksum of {FILE} does not match")


@contextmanager
def _opened(artifact: Artifact) -> Iterator[_FramesFile]:
    try:
        with open_outside(artifact.path(FILE), max_bytes=artifact.files[FILE]["bytes"]) as file:
            yield _FramesFile(artifact, file)
    except (OSError, ValueError) as error:
        raise LostArtifact(artifact.key, f"{FILE}: {error}") from None
