"""Jobs of plain text: one prompt a line."""

from __future__ import annotations

from vgpipe.job.reading.nodes import Listing, Node, Scalar


def read_txt(text: str) -> Listing:
    """Builds the list of prompts of a text file; blank lines and lines that start with # are skipped."""
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    items: list[Node] = [Scalar(n, line, line) for n, line in lines if line and not line.startswith("#")]
    return Listing(1, items)
