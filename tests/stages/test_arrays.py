"""The bytes of `numpy.save`, and no file that lacks its end."""

from __future__ import annotations

import errno
import io

import numpy as np
import pytest

from vgpipe.stages import arrays

resource = pytest.importorskip("resource", reason="limits are those of POSIX")


@pytest.mark.parametrize("array", [np.arange(60, dtype=np.uint8).reshape(5, 2, 2, 3)[::2], np.zeros((0, 2, 2, 3))])
def test_the_bytes_are_those_of_numpy(tmp_path, array):
    arrays.save(tmp_path / "a.npy", array)
    expected = io.BytesIO()
    np.save(expected, array)
    assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()


def test_an_end_that_does_not_fit_is_an_error_with_its_number(tmp_path):
    """`numpy.save` leaves such a file without its end, and raises nothing."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            arrays.save(tmp_path / "a.npy", np.zeros(100_000, np.uint8))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
