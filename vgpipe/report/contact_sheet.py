"""The contact sheet of a run: one picture with a tile per finished clip, and per draft, which is marked."""

from __future__ import annotations

import hashlib
import io
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgpipe.outside_file import open_outside
from vgpipe.report.media import Media
from vgpipe.report.run_facts import DONE, DRAFTED
from vgpipe.report.tiles import blank, labelled, tile
from vgpipe.report.values import int_of, table_of, text_of
from vgpipe.store.durable import replace_file
from vgpipe.store.rundir import RunDir

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

MAX_TILE_PX = 160
MAX_PIXELS = 12_000_000
"""Of the whole picture: 36 MB in memory, and any viewer opens it."""
GAP_PX = 2
PICTURES = ("poster", "sheet", "frames")
"""Kinds of files that a tile can be made from, best first."""
VERSION = 1
"""Goes up where other pictures are drawn of the same clips."""
MARK = b"vgpipe"
"""The key of the PNG text that holds a digest over what the sheet was drawn from."""
HEAD_BYTES, DIGEST_CHARS = 256, 64
MAX_SECONDS = 30.0
"""After that the remaining tiles are blank: without posters, pictures may be large and many."""
BACKGROUND = (24, 27, 32)
SHEET_SIDE, SHEET_FRAME_PX = 4, 320  # the default of the exporter; a sheet of another layout is shown whole


@dataclass(frozen=True, slots=True)
class Grid:
    """The places of the tiles.

    Attributes:
        columns: tiles per row.
        rows: rows of tiles.
        width: of a tile with its gap, pixels.
        height: likewise.
    """

    columns: int
    rows: int
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole, pixels."""
        return self.columns * self.width, self.rows * self.height

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of a tile without its gap, pixels."""
        return max(1, self.width - GAP_PX), max(1, self.height - GAP_PX)

    def place(self, number: int) -> tuple[int, int]:
        """Returns the left and top of a tile, pixels."""
        row, column = divmod(number, self.columns)
        return column * self.width + GAP_PX // 2, row * self.height + GAP_PX // 2


def write_contact_sheet(run_dir: RunDir, records: Sequence[Mapping[str, Any]] | None = None) -> Path | None:
    """Draws the finished clips of a run and its drafts, and writes the picture atomically.

    Args:
        run_dir: of the run; need not be locked.
        records: of its clips; None reads them.

    Returns:
        Its path; None, and no file, where there is neither. A sheet of the same pictures is left as it is.

    Raises:
        UsageError: where the directory holds no run.
        StoreError: where it cannot be written.
    """
    known = run_dir.read_clips(warn=False) if records is None else records
    clips = [record for record in known if record.get("state") in (DONE, DRAFTED)]
    if not clips:
        return None
    path, media = run_dir.contact_sheet, Media(run_dir.root)
    mark = _mark(clips, media)
    if read_mark(path) != mark:
        replace_file(path, _png(*_drawn(clips, media), mark))
    return path


def grid_of(count: int, aspect: float) -> Grid:
    """Returns a grid with as many columns as rows, or one more, and the largest tiles that the limits allow.

    Args:
        count: of tiles, at least 1.
        aspect: width of a tile by its height.
    """
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    fitting = math.sqrt(MAX_PIXELS * aspect / (columns * rows))
    width = max(1, min(MAX_TILE_PX, int(fitting)))
    return Grid(columns, rows, width, max(1, int(width / aspect)))


def _mark(clips: Sequence[Mapping[str, Any]], media: Media) -> str:
    """Returns a digest over all that a sheet is drawn from; pictures count by their sizes and times."""
    tiles = []
    for clip in clips:
        files = table_of(clip.get("files"))
        pictures = [(kind, media.mark_of(files.get(kind))) for kind in PICTURES]
        size = clip.get("width"), clip.get("height"), clip.get("num_frames")
        tiles.append((clip.get("clip"), *size, pictures, *filter(None, [_label(clip)])))
    return hashlib.sha256(repr((VERSION, tiles)).encode("utf-8", "surrogatepass")).hexdigest()


def _drawn(clips: Sequence[Mapping[str, Any]], media: Media) -> tuple[Image.Image, bool]:
    """Returns the sheet, and whether all its tiles are drawn."""
    from PIL import Image

    grid = grid_of(len(clips), _aspect(clips))
    sheet = Image.new("RGB", grid.size, BACKGROUND)
    end = time.monotonic() + MAX_SECONDS
    for number, clip in enumerate(clips):
        drawn = _tile(clip, media, grid.inner) if time.monotonic() < end else None
        if drawn is None:
            drawn = blank(text_of(clip.get("clip")) or "", grid.inner)
        drawn = labelled(drawn, _label(clip))
        left, top = grid.place(number)
        sheet.paste(drawn, (left + (grid.inner[0] - drawn.width) // 2, top + (grid.inner[1] - drawn.height) // 2))
    return sheet, time.monotonic() < end


def _aspect(clips: Sequence[Mapping[str, Any]]) -> float:
    """Returns the aspect ratio that most clips have, limited to between 0.5 and 2."""
    sizes = [(int_of(clip.get("width")) or 0, int_of(clip.get("height")) or 0) for clip in clips]
    known = Counter(size for size in sizes if min(size) > 0)
    width, height = known.most_common(1)[0][0] if known else (1, 1)
    return min(2.0, max(0.5, width / height))


def _label(clip: Mapping[str, Any]) -> str:
    """Returns what stands on the tile of a draft; empty for a finished clip."""
    if clip.get("state") != DRAFTED:
        return ""
    step, steps = int_of(clip.get("draft_steps")), int_of(clip.get("num_inference_steps"))
    return "preview" if step is None or steps is None else f"preview {step}/{steps}"


def _tile(clip: Mapping[str, Any], media: Media, size: tuple[int, int]) -> Image.Image | None:
    pictures = (tile(path, size, first) for path, first in _sources(clip, media))
    return next((picture for picture in pictures if picture is not None), None)


def _sources(clip: Mapping[str, Any], media: Media) -> Iterator[tuple[Path, tuple[int, int, int, int] | None]]:
    """Yields the pictures that a tile can be made from, best first, and the layout of one that is a sheet."""
    files = table_of(clip.get("files"))
    for kind in PICTURES:
        path = media.first_image(files.get(kind))
        if path is not None:
            yield path, _layout(clip) if kind == "sheet" else None


def _layout(clip: Mapping[str, Any]) -> tuple[int, int, int, int] | None:
    """Returns columns, rows, and width and height of a frame, of a sheet as the exporter makes it by default."""
    count, width, height = (int_of(clip.get(key)) or 0 for key in ("num_frames", "width", "height"))
    if min(count, width, height) < 1:
        return None
    shown, frame_width = min(count, SHEET_SIDE**2), min(width, SHEET_FRAME_PX)
    return min(SHEET_SIDE, shown), -(-shown // SHEET_SIDE), frame_width, max(1, round(height * frame_width / width))


def _png(sheet: Image.Image, is_whole: bool, mark: str) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    if is_whole:
        about.add_text(MARK.decode(), mark)
    data = io.BytesIO()
    sheet.save(data, "PNG", compress_level=4, pnginfo=about)
    return data.getvalue()


def read_mark(path: Path) -> str | None:
    """Returns the digest in a sheet's first text chunk; None where there is none. Imports no image library."""
    try:
        with open_outside(path) as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    _, found, text = head.partition(b"tEXt" + MARK + b"\0")
    return text[:DIGEST_CHARS].decode("ascii", "replace") if found else None
