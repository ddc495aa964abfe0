"""Which bytes a `Range` header asks for."""

from __future__ import annotations

import pytest

from vgpipe.serve.ranges import Span, UnsatisfiableRange, span_of

PARTS = {
    "bytes=0-1": Span(0, 2),
    "bytes=5-": Span(5, 10),
    "bytes=-3": Span(7, 10),
    "bytes=-99": Span(0, 10),
    "bytes=9-9": Span(9, 10),
    "bytes=0-99": Span(0, 10),
    "BYTES = 2 - 3 ": Span(2, 4),
}
WHOLE = [None, "", "bytes=", "bytes=-", "bytes=3-2", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b", "bytes=0x1-2"]
NEVER = ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99-"]


@pytest.mark.parametrize("header", PARTS)
def test_a_part(header):
    assert span_of(header, 10) == PARTS[header]


@pytest.mark.parametrize("header", [*WHOLE, "bytes=" + "9" * 5000 + "-", "bytes=\u0661-\u0662"])
def test_the_whole_file(header):
    assert span_of(header, 10) is None


@pytest.mark.parametrize("header", NEVER)
def test_no_byte(header):
    with pytest.raises(UnsatisfiableRange):
        span_of(header, 10)


def test_an_empty_file_has_no_part():
    assert span_of(None, 0) is None
    with pytest.raises(UnsatisfiableRange):
        span_of("bytes=0-", 0)
