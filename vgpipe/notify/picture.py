"""Pictures as small as services take them: a phone shows a contact sheet of thousands of pixels no better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

MAX_SIDE_PX, QUALITY = 1280, 82
MAX_PICTURES = 4
"""What Discord and Slack still show side by side."""


def small_copies(sources: Sequence[str], folder: Path) -> Iterator[Path]:
    """Writes small JPEG files of images; leaves out those that cannot be read.

    Args:
        sources: paths of images of vgpipe's own.
        folder: gets the files.

    Yields:
        Their paths, at most four.
    """
    from PIL import Image

    for number, source in enumerate(sources[:MAX_PICTURES], 1):
        target = folder / f"{Path(source).stem}{f'-{number}' if number > 1 else ''}.jpg"
        try:
            with Image.open(source) as image:
                image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
                image.convert("RGB").save(target, quality=QUALITY)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
        yield target
