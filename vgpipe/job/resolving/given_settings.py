"""The settings of an entry that name what its clips are given beside text, and what a clip then holds of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vgpipe.job import placements
from vgpipe.job.clip import PlacedImage
from vgpipe.job.resolving.precedence import ResolvedSetting, SettingSource, strongest
from vgpipe.job.settings import Fit

PICTURES = ("image", "last_image")
NAMES = (*PICTURES, "images", "video", "strength", "fit", "audio")
CONTINUE, RESTYLE = "continue", "restyle"


@dataclass(frozen=True, slots=True)
class Placement:
    """One image at a frame, as it was written.

    Attributes:
        frame: its number; below 0 it counts from the end.
        path: of the image.
        setting: the one that holds it, with the path alone as its value.
    """

    frame: int
    path: str
    setting: ResolvedSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSettings:
    """What an entry is given, by setting; None where it is not set."""

    image: ResolvedSetting | None = None
    last_image: ResolvedSetting | None = None
    images: ResolvedSetting | None = None
    video: ResolvedSetting | None = None
    strength: ResolvedSetting | None = None
    fit: ResolvedSetting | None = None
    audio: ResolvedSetting | None = None

    @classmethod
    def of(cls, sources: Sequence[SettingSource]) -> GivenSettings:
        """Returns them from the strongest source that sets each."""
        return cls(**{name: strongest(sources, name) for name in NAMES})

    def placed(self) -> Iterator[Placement]:
        """Yields the images at frames, in the order written."""
        if self.images is None or not isinstance(self.images.value, Sequence):
            return
        for one in self.images.value:
            found = placements.parse(str(one))
            if found is not None:
                frame, path = found
                yield Placement(frame, path, ResolvedSetting("images", path, self.images.source))

    def files(self) -> Iterator[ResolvedSetting]:
        """Yields every setting that names a file; of sound, also where it is a word."""
        yield from (one for one in (self.image, self.last_image, self.video, self.audio) if one is not None)
        yield from (one.setting for one in self.placed())

    @property
    def restyles(self) -> bool:
        """Whether a video is restyled rather than continued."""
        return self.video is not None and self.strength is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFiles:
    """What one clip is given, as its fields hold it; all None or empty for a clip of text alone."""

    image: str | None = None
    image_sha256: str | None = None
    last_image: str | None = None
    last_image_sha256: str | None = None
    images: tuple[PlacedImage, ...] = ()
    video: str | None = None
    video_sha256: str | None = None
    video_num_frames: int | None = None
    strength: float | None = None
    fit: Fit | None = None
    audio: str | None = None
    audio_sha256: str | None = None

    def fields(self) -> dict[str, Any]:
        """Returns the fields of the clip."""
        return {name: getattr(self, name) for name in self.__slots__}

    def identity(self) -> Mapping[str, Any]:
        """Returns the part of it that names the clip: content, not paths; nothing of a clip of text alone."""
        facts = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        named = {name: value for name, value in facts.items() if name not in (*PICTURES, "images", "video", "audio")}
        if self.audio is not None and self.audio_sha256 is None:  # a word, which is no path
            named["audio"] = self.audio
        placed = [[one.frame, one.image_sha256] for one in self.images]
        return {**named, **({"images": placed} if placed else {})}
