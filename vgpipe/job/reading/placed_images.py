"""Reads `images:` of a prompt: a mapping of frames to files, a list of such pairs, or texts like `24: middle.png`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vgpipe.job import placements
from vgpipe.job.faults import Faults
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table

IMAGES = "images"


def with_listed_images(fields: Mapping[str, Node], faults: Faults) -> dict[str, Node]:
    """Returns the fields of an entry or of the defaults with `images` as a list of texts, each with its line.

    Args:
        fields: key -> node; a frame's number is read as a number or a text, which both stand for it.
        faults: where faults of their form are recorded; with one the list lacks the item.
    """
    node = fields.get(IMAGES)
    if node is None or (isinstance(node, Scalar) and not isinstance(node.value, str)):
        return dict(fields)
    return {**fields, IMAGES: Listing(node.line, list(_items(node, faults)))}


def texts_of(node: Node | None) -> str:
    """Returns the texts of a list of images as one, for the places in them."""
    items = node.items if isinstance(node, Listing) else []
    return "\n".join(one.value for one in items if isinstance(one, Scalar) and isinstance(one.value, str))


def _items(node: Node, faults: Faults) -> Iterator[Node]:
    if isinstance(node, Table):
        yield from (_pair(key, value, faults) for key, value in node.pairs)
    elif isinstance(node, Listing):
        for item in node.items:
            yield from _items(item, faults)
    elif isinstance(node.value, str):
        yield from (Scalar(node.line, one, one) for one in placements.split(node.value))
    else:
        yield node


def _pair(key: Node, value: Node, faults: Faults) -> Node:
    if isinstance(key, Scalar) and isinstance(value, Scalar) and isinstance(value.value, str):
        text = f"{key.text}: {value.value}"
        return Scalar(key.line, text, text)
    faults.add(key.line, "an item of images is no frame with the path of an image file", "write 24: middle.png")
    return Scalar(key.line, "0: .", "")
