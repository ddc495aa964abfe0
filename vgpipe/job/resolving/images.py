"""The images, videos and sounds that the clips of a job are given; each file is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from vgpipe.job.clip import PlacedImage
from vgpipe.job.faults import Faults
from vgpipe.job.media_files import MediaFile
from vgpipe.job.picture import Picture, PictureFault, format_path, load_picture
from vgpipe.job.record import Entry
from vgpipe.job.resolving.given_rules import check_rules
from vgpipe.job.resolving.given_settings import PICTURES, GivenFiles, GivenSettings
from vgpipe.job.resolving.precedence import ResolvedSetting
from vgpipe.job.rules import REMEDIES, ShapeRules, frames_of_video
from vgpipe.job.settings import Fit
from vgpipe.job.sound_file import GivenSound, load_sound
from vgpipe.job.template import combinations, count_combinations, places
from vgpipe.job.video import load_video

MAX_SHAPE_DIFFERENCE = 0.02
DEFAULT_FIT: Fit = "cover"
FIT_WORDS: Mapping[Fit, str] = {
    "cover": "it is resized to cover the clip, and cropped at its middle",
    "contain": "it is resized to fit into the clip, and padded with black",
    "stretch": "it is stretched",
}
FIRST, LAST = "image", "last_image"
WORDS = {FIRST: "image", LAST: "last image"}
FRAMES = {FIRST: 0, LAST: -1}
Found = Picture | MediaFile | GivenSound
F = TypeVar("F", Picture, MediaFile, GivenSound)


@dataclass(frozen=True, slots=True)
class ClipSize:
    """What a clip's pictures must fit into: width and height in pixels, and its frames."""

    width: int
    height: int
    num_frames: int


class Images:
    """Checks the images, videos and sounds of the entries, and returns them when the clips are made.

    Args:
        folder: where relative paths in the job file start; elsewhere they start at the working directory.
        rules: what the model can be given.
        model: name of the option of `conf/model`.
        faults: where faults are recorded.
    """

    def __init__(self, folder: Path, rules: ShapeRules, model: str, faults: Faults):
        self._folder = folder
        self._rules = rules
        self._model = model
        self._faults = faults
        self._seen: dict[tuple[bool, str, str], Found | PictureFault] = {}
        self._lines_with: dict[str, list[int]] = {name: [] for name in PICTURES}
        self._lines_without: dict[str, list[int]] = {name: [] for name in PICTURES}
        self._num_paths = 0
        self._shape_notes: dict[tuple[str, int, int], str] = {}

    def check(self, entry: Entry, given: GivenSettings) -> None:
        """Records what is wrong with what an entry is given, for every combination of its matrix.

        Args:
            entry: the entry.
            given: its settings.
        """
        for name in PICTURES:
            # A video that is continued gives the first frame, too.
            has = getattr(given, name) is not None or (name == FIRST and given.video is not None)
            has = has or any(one.frame == FRAMES[name] for one in given.placed())
            (self._lines_with if has else self._lines_without)[name].append(entry.line)
        check_rules(given, self._rules, self._model, self._faults)
        for setting in given.files():
            for path in self._fillings(entry, setting):
                found = self._load(setting, path)
                if isinstance(found, PictureFault):
                    setting.add_fault(found.what, found.remedy, self._faults)

    def check_missing(self) -> None:
        """Records the entries without an image where the model needs one; one fault if none has one."""
        for name in PICTURES:
            self._check_missing(name)

    def _check_missing(self, name: str) -> None:
        if getattr(self._rules, name) != "required" or self._faults.is_at(f"clip.{name}"):
            return None
        what = f"no {WORDS[name]} given, and the model {self._model} makes videos only from one"
        other = f"or choose a model that also goes without: {REMEDIES[name]}"
        if not self._lines_with[name]:
            remedy = f"set it with clip.{name}=FILE, or `{name}:` in the job's prompts or defaults; {other}"
            return self._faults.add_at(f"clip.{name}", what, remedy)
        for line in self._lines_without[name]:
            here = f"put it beside this one as {self._faults.name_of(line).rpartition('.')[0]}_last.png"
            there = f"add `{name}:` to the prompt or under `defaults:`"
            self._faults.add(line, what, f"{here if self._faults.is_of_files else there}; {other}")
        return None

    def files(self, given: GivenSettings, values: Mapping[str, str], size: ClipSize) -> GivenFiles:
        """Returns what one combination of the matrix is given.

        Args:
            given: the settings of its entry.
            values: name -> what takes its place.
            size: of the clip.

        Returns:
            The files; without those where `check` has recorded what is wrong with them.
        """
        first, last = (self._picture(one, values) for one in (given.image, given.last_image))
        video = self._found(given.video, values, MediaFile)
        sound = self._found(given.audio, values, GivenSound)
        placed = [(one, self._picture(one.setting, values)) for one in given.placed()]
        pairs = [(given.image, first), (given.last_image, last), *((one.setting, found) for one, found in placed)]
        fit = self._fit(given, pairs, size, has_video=video is not None)
        at = {one.frame % size.num_frames: found for one, found in placed if found is not None}
        first, last = at.pop(0, first), at.pop(size.num_frames - 1, last)
        return GivenFiles(
            image=first.path if first else None,
            image_sha256=first.sha256 if first else None,
            last_image=last.path if last else None,
            last_image_sha256=last.sha256 if last else None,
            images=tuple(
                PlacedImage(frame=frame, image=found.path, image_sha256=found.sha256)
                for frame, found in sorted(at.items(), key=itemgetter(0))
            ),
            video=video.path if video else None,
            video_sha256=video.sha256 if video else None,
            video_num_frames=frames_of_video(self._rules, size.num_frames) if video and not given.restyles else None,
            strength=float(str(given.strength.value)) if video and given.strength else None,
            fit=fit,
            audio=sound.audio if sound else None,
            audio_sha256=sound.sha256 if sound else None,
        )

    @property
    def shape_notes(self) -> tuple[str, ...]:
        """What becomes of images of another shape than their clips', once for each image and size, a sentence each."""
        return tuple(self._shape_notes.values())

    def _fit(
        self,
        given: GivenSettings,
        pairs: list[tuple[ResolvedSetting | None, Picture | None]],
        size: ClipSize,
        *,
        has_video: bool,
    ) -> Fit | None:
        """Returns how pictures are brought to the clip's size; None where all have it."""
        other = [
            (setting, one) for setting, one in pairs if one and (one.width, one.height) != (size.width, size.height)
        ]
        if not other and not has_video:
            return None
        fit = next((one for one in FIT_WORDS if given.fit is not None and one == given.fit.value), DEFAULT_FIT)
        for setting, picture in other:
            if setting is not None:
                self._note_shape(setting, picture, size, fit, is_chosen=given.fit is not None)
        return fit

    def _note_shape(
        self, setting: ResolvedSetting, picture: Picture, size: ClipSize, fit: Fit, *, is_chosen: bool
    ) -> None:
        """Notes, once for each image and size, that an image has another aspect ratio than its clip."""
        key = (picture.path, size.width, size.height)
        across, along = picture.width * size.height, picture.height * size.width
        is_alike = max(across, along) <= (1 + MAX_SHAPE_DIFFERENCE) * min(across, along)
        if key in self._shape_notes or is_alike or is_chosen:
            return
        where = f"{setting.source.prefix}{setting.name}"
        if setting.source.in_file:
            where = self._faults.name_of(setting.source.lines[setting.name])
        others = " or ".join(f"fit: {one}" for one in FIT_WORDS if one != fit)
        self._shape_notes[key] = (
            f"{where}: {setting.name} {format_path(picture.path)} is {picture.width}x{picture.height}, another shape "
            f"than its clip's {size.width}x{size.height}: {FIT_WORDS[fit]}; {others} changes that"
        )

    def _fillings(self, entry: Entry, setting: ResolvedSetting) -> Iterator[str]:
        """Yields every path that a matrix makes, unless they are more than a job may have."""
        from vgpipe.job.schema import MAX_CLIPS

        used = places(str(setting.value)) if setting.source.in_file else ()
        matrix = {name: entry.matrix[name] for name in used}
        self._num_paths += count_combinations(matrix)
        if self._num_paths <= MAX_CLIPS:
            yield from map(setting.filled, combinations(matrix))

    def _picture(self, setting: ResolvedSetting | None, values: Mapping[str, str]) -> Picture | None:
        return self._found(setting, values, Picture)

    def _found(self, setting: ResolvedSetting | None, values: Mapping[str, str], kind: type[F]) -> F | None:
        found = None if setting is None else self._load(setting, setting.filled(values))
        return found if isinstance(found, kind) else None

    def _load(self, setting: ResolvedSetting, given: str) -> Found | PictureFault:
        key = (setting.source.in_file, setting.name, given)
        if key not in self._seen:
            folder = self._folder if setting.source.in_file else Path()
            load: Callable[[], Found | PictureFault] = {
                "video": lambda: load_video(given, folder),
                "audio": lambda: load_sound(given, folder, makes_sound=self._rules.audio),
            }.get(setting.name, lambda: load_picture(given, folder, setting.name))
            self._seen[key] = load()
        return self._seen[key]
