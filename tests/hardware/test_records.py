"""The link between host and card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.hardware.records import Pcie


@given(st.integers(1, 6), st.sampled_from([1, 2, 4, 8, 16]))
def test_a_link_doubles_with_generation_and_width(generation, width):
    rate = Pcie(generation=generation, width=width).bandwidth_gb_s
    assert Pcie(generation=generation, width=width * 2).bandwidth_gb_s == pytest.approx(2 * rate)
    faster = Pcie(generation=generation + 1, width=width).bandwidth_gb_s
    assert 1.9 * rate < faster < 2.1 * rate


def test_the_rate_of_known_links():
    rates = [Pcie(generation=generation, width=16).bandwidth_gb_s for generation in (1, 2, 3, 4, 5)]
    assert rates == pytest.approx([4.0, 8.0, 15.754, 31.508, 63.015], abs=0.001)
