"""Sizes are shown in the unit that keeps them readable."""

from __future__ import annotations

import pytest

from vgpipe.units import GIB, MIB, format_size, to_gib


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(12 * GIB, "12.0 GiB"), (GIB / 10, "0.1 GiB"), (GIB // 10 - 1, "102.4 MiB"), (3 * MIB, "3.0 MiB"), (0, "0.0 MiB")],
)
def test_a_size_is_shown_in_gib_or_mib(size_bytes, shown):
    assert format_size(size_bytes) == shown


def test_gib_are_rounded_only_when_asked():
    assert to_gib(GIB * 1.23456) == pytest.approx(1.23456) and to_gib(GIB * 1.23456, 2) == 1.23
