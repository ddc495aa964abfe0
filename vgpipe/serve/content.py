"""What stands at an address, and how much of it a request gets: all, a part, or only that nothing has changed."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from typing import BinaryIO, Protocol

from vgpipe.serve.ranges import Span, UnsatisfiableRange, span_of

HTML, TEXT, SCRIPT = (f"text/{kind}; charset=utf-8" for kind in ("html", "plain", "javascript"))
JSON = "application/json"


class Headers(Protocol):
    """The headers of a request, by name in any case."""

    def get(self, name: str, /) -> str | None:
        """Returns a header; None where the request has none of that name."""


@dataclass(frozen=True, slots=True)
class Content:
    """What stands at an address.

    Attributes:
        file: its bytes.
        size: how many they are.
        type: its media type.
        tag: another one as soon as a byte changes; a quoted ETag.
        modified_s: when it last changed, UNIX seconds; None where nobody asks.
    """

    file: BinaryIO
    size: int
    type: str
    tag: str
    modified_s: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request for some content is answered.

    Attributes:
        status: the status code.
        headers: in addition to those of every answer.
        span: the part of the content that follows; None for nothing.
    """

    status: HTTPStatus
    headers: Mapping[str, str] = field(default_factory=dict)
    span: Span | None = None


def of_file(file: BinaryIO, media_type: str) -> Content:
    """Returns an open file as content."""
    status = os.fstat(file.fileno())
    tag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    return Content(file, status.st_size, media_type, tag, int(status.st_mtime))


def of_text(text: str, media_type: str) -> Content:
    """Returns a page, or data that a page loads, as content."""
    body = text.encode("utf-8", "replace")
    return Content(io.BytesIO(body), len(body), media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def answer(content: Content, headers: Headers) -> Answer:
    """Returns how a request is answered (RFC 9110, sections 13.2 and 14.2).

    Args:
        content: of the address.
        headers: of the request, which must be a GET or a HEAD.
    """
    always = {"ETag": content.tag, "Cache-Control": "private, no-cache"}
    if content.modified_s is not None:
        always["Last-Modified"] = formatdate(content.modified_s, usegmt=True)
    if _is_known(content, headers):
        return Answer(HTTPStatus.NOT_MODIFIED, always)
    always |= {"Content-Type": content.type, "Accept-Ranges": "bytes"}
    try:
        span = span_of(headers.get("Range"), content.size) if _is_same(content, headers.get("If-Range")) else None
    except UnsatisfiableRange:
        return Answer(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            {"Content-Range": f"bytes */{content.size}", "Content-Length": "0"},
        )
    if span is None:
        return Answer(HTTPStatus.OK, always | {"Content-Length": str(content.size)}, Span(0, content.size))
    where = f"bytes {span.start}-{span.stop - 1}/{content.size}"
    return Answer(HTTPStatus.PARTIAL_CONTENT, always | {"Content-Range": where, "Content-Length": str(len(span))}, span)


def _is_known(content: Content, headers: Headers) -> bool:
    """Says whether the browser has this content already."""
    tags = headers.get("If-None-Match")
    if tags is not None:
        return tags.strip() == "*" or content.tag in (tag.strip().removeprefix("W/") for tag in tags.split(","))
    since = _seconds(headers.get("If-Modified-Since"))
    return since is not None and content.modified_s is not None and content.modified_s <= since


def _is_same(content: Content, condition: str | None) -> bool:
    """Says whether a range may be taken of this content: the browser has the rest of it, or none."""
    if condition is None or condition.strip() == content.tag:
        return True
    return content.modified_s is not None and _seconds(condition) == content.modified_s


def _seconds(date: str | None) -> int | None:
    try:
        return None if date is None else int(parsedate_to_datetime(date).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
