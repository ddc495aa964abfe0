"""A change of bits needs a new version in the keys of the store: see `known_bits.py`."""

from __future__ import annotations

import pytest

from tests.stages.known_bits import CASES, known, make

REMEDY = "-> python -m tests.stages.known_bits"


@pytest.mark.parametrize("name", CASES)
def test_bits_change_with_a_version_alone(name, tmp_path):
    old, made = known()[name], make(name, tmp_path)
    if made.versions != old.versions:
        pytest.fail(f"the versions are {made.versions} now and were {old.versions} {REMEDY}")
    changed = made.differences(old)
    assert not changed, (
        f"{', '.join(changed)} changed, and no version in the keys of the store: an old store would hand out what this "
        f"code does not make. If that is on purpose, bump the version of what you changed {REMEDY}"
    )
