"""What clips are given beside text, as the page of a run shows it: small copies of the images, the names of videos.

The images lie anywhere on the machine, where a page may not look and a server does not; so the run keeps a small copy
of each, under the digest of the file that its record names. Another file is not copied.
"""

from __future__ import annotations

import hashlib
import io
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from vgpipe.job.pixels import MAX_FILE_MIB, opened
from vgpipe.outside_file import read_outside
from vgpipe.report.media import Media
from vgpipe.report.values import float_of, int_of, list_of, table_of, text_of
from vgpipe.store.durable import replace_file
from vgpipe.store.placed_files import GIVEN
from vgpipe.store.rundir import RunDir
from vgpipe.units import MIB

log = logging.getLogger(__name__)

SIDE_PX = 160
QUALITY = 85
MAX_SECONDS = 30.0
HEX = frozenset("0123456789abcdef")
REMOTE = ("//", "\\\\")


class GivenFile(TypedDict, total=False):
    """A file that a clip is given."""

    what: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class _Named:
    """An image that a record names: what it is to the clip, its path, its digest."""

    what: str
    path: str
    sha256: str


def write_given(run_dir: RunDir, records: Sequence[Mapping[str, Any]]) -> None:
    """Writes a small copy of each image that clips of a run are given, unless it is there already.

    An image that has gone, has changed or cannot be decoded has none, and none is made after half a minute.

    Args:
        run_dir: of the run.
        records: of its clips, unchecked.

    Raises:
        StoreError: where a copy cannot be written.
    """
    ends_s = time.monotonic() + MAX_SECONDS
    for one in dict.fromkeys(one for record in records for one in _images(record)):
        target = run_dir.root / _place(one)
        if time.monotonic() > ends_s:
            log.debug("no further copies of given images: they took %g s", MAX_SECONDS)
            return
        if not target.exists() and (small := _small(one)) is not None:
            target.parent.mkdir(exist_ok=True)
            replace_file(target, small)


def given_of(record: Mapping[str, Any], media: Media) -> list[GivenFile]:
    """Returns what a clip is given, in the order of its frames.

    Args:
        record: the last line of the clip in clips.jsonl, unchecked.
        media: resolves paths of the run directory.
    """
    found: list[GivenFile] = []
    for one in _images(record):
        shown: GivenFile = {"what": one.what, "name": Path(one.path).name}
        if (url := media.url_of(_place(one))) is not None:
            shown["url"] = url
        found.append(shown)
    if (video := text_of(record.get("video"))) is not None:
        strength = float_of(record.get("strength"))
        what = "video, continued" if strength is None else f"video, restyled with strength {strength:g}"
        found.append({"what": what, "name": Path(video).name})
    return found


def _images(record: Mapping[str, Any]) -> Iterator[_Named]:
    placed = [table_of(one) for one in list_of(record.get("images"))]
    named = [
        ("first frame", record.get("image"), record.get("image_sha256")),
        *((f"frame {int_of(one.get('frame'))}", one.get("image"), one.get("image_sha256")) for one in placed),
        ("last frame", record.get("last_image"), record.get("last_image_sha256")),
    ]
    for what, path, sha256 in named:
        if isinstance(path, str) and isinstance(sha256, str) and len(sha256) == 64 and HEX.issuperset(sha256):
            yield _Named(what, path, sha256)


def _place(one: _Named) -> str:
    return f"{GIVEN}/{one.sha256[:32]}.jpg"


def _small(one: _Named) -> bytes | None:
    """Returns a small JPEG of an image; None where it is not the one that the record names."""
    from PIL import ImageOps

    if one.path.startswith(REMOTE):
        return None
    try:
        data = read_outside(Path(one.path), max_bytes=MAX_FILE_MIB * MIB)
        if hashlib.sha256(data).hexdigest() != one.sha256:
            return None
        picture = opened(data)
        picture.draft("RGB", (SIDE_PX, SIDE_PX))
        upright = ImageOps.exif_transpose(picture).convert("RGB")
        upright.thumbnail((SIDE_PX, SIDE_PX))
        written = io.BytesIO()
        upright.save(written, "JPEG", quality=QUALITY)
    except Exception as error:  # a decoder raises anything on malformed bytes
        log.debug("%s has no small copy: %s", one.path, error)
        return None
    return written.getvalue()
