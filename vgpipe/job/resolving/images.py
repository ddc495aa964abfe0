"""The images that the clips of a job start from; each file is read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from vgpipe.job.faults import Faults
from vgpipe.job.picture import Picture, PictureFault, format_path, load_picture
from vgpipe.job.record import Entry
from vgpipe.job.resolving.precedence import ResolvedSetting
from vgpipe.job.rules import TAKES_IMAGES, ShapeRules
from vgpipe.job.template import combinations, count_combinations, places

MAX_SHAPE_DIFFERENCE = 0.02


class Images:
    """Checks the images of the entries, and returns them when the clips are made.

    Args:
        folder: where relative paths in the job file start; elsewhere they start at the working directory.
        rules: whether the model takes images.
        model: name of the option of `conf/model`.
        faults: where faults are recorded.
    """

    def __init__(self, folder: Path, rules: ShapeRules, model: str, faults: Faults):
        self._folder = folder
        self._rules = rules
        self._model = model
        self._faults = faults
        self._seen: dict[tuple[bool, str], Picture | PictureFault] = {}
        self._lines_with: list[int] = []
        self._lines_without: list[int] = []
        self._num_paths = 0
        self._shape_notes: dict[tuple[str, int, int], str] = {}

    def check(self, entry: Entry, image: ResolvedSetting | None) -> None:
        """Records what is wrong with an entry's image, for every combination of its matrix.

        Args:
            entry: the entry.
            image: its image, if any.
        """
        if image is None:
            self._lines_without.append(entry.line)
            return
        self._lines_with.append(entry.line)
        if self._rules.image == "never":
            what = f"image {format_path(str(image.value))}: the model {self._model} makes videos from text alone"
            remedy = f"remove it, or choose a model that takes images: {TAKES_IMAGES}"
            image.add_fault(what, remedy, self._faults)
        for given in self._fillings(entry, image):
            found = self._load(image.source.in_file, given)
            if isinstance(found, PictureFault):
                image.add_fault(found.what, found.remedy, self._faults)

    def check_missing(self) -> None:
        """Records the entries without an image where the model needs one; one fault if none has one."""
        if self._rules.image != "required" or self._faults.is_at("clip.image"):
            return
        what = f"no image given, and the model {self._model} makes videos only from one"
        other = f"or choose a model that also goes without: {TAKES_IMAGES}"
        if not self._lines_with:
            remedy = f"set it with clip.image=FILE, or `image:` in the job's prompts or defaults; {other}"
            return self._faults.add_at("clip.image", what, remedy)
        for line in self._lines_without:
            self._faults.add(line, what, f"add `image:` to the prompt or under `defaults:`; {other}")
        return None

    def picture(self, image: ResolvedSetting | None, values: Mapping[str, str]) -> Picture | None:
        """Returns the image of one combination of the matrix.

        Args:
            image: the image setting, if any.
            values: name -> what takes its place.

        Returns:
            The picture; None without an image, or where `check` has recorded what is wrong with it.
        """
        if image is None:
            return None
        found = self._load(image.source.in_file, image.filled(values))
        return found if isinstance(found, Picture) else None

    def note_shape(self, image: ResolvedSetting, picture: Picture, width: int, height: int) -> None:
        """Notes, once for each image and size, that an image has another aspect ratio than its clip.

        Args:
            image: the image setting.
            picture: what it is.
            width: of the clip, in pixels.
            height: of the clip, in pixels.
        """
        key = (picture.path, width, height)
        across, along = picture.width * height, picture.height * width
        if key in self._shape_notes or max(across, along) <= (1 + MAX_SHAPE_DIFFERENCE) * min(across, along):
            return
        where = f"{image.source.prefix}image"
        if image.source.in_file:
            where = self._faults.name_of(image.source.lines["image"])
        self._shape_notes[key] = (
            f"{where}: image {format_path(picture.path)} is {picture.width}x{picture.height}, another shape than its "
            f"clip's {width}x{height}: it will be cropped and resized; crop it yourself to choose what is kept"
        )

    @property
    def shape_notes(self) -> tuple[str, ...]:
        """The notes of `note_shape`, a sentence each."""
        return tuple(self._shape_notes.values())

    def _fillings(self, entry: Entry, image: ResolvedSetting) -> Iterator[str]:
        """Yields every path that a matrix makes, unless they are more than a job may have."""
        from vgpipe.job.schema import MAX_CLIPS

        used = places(str(image.value)) if image.source.in_file else ()
        matrix = {name: entry.matrix[name] for name in used}
        self._num_paths += count_combinations(matrix)
        if self._num_paths <= MAX_CLIPS:
            yield from map(image.filled, combinations(matrix))

    def _load(self, in_file: bool, given: str) -> Picture | PictureFault:
        key = (in_file, given)
        if key not in self._seen:
            self._seen[key] = load_picture(given, self._folder if in_file else Path())
        return self._seen[key]
