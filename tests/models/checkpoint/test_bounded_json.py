"""A checkpoint's JSON files are read up to a size and a depth."""

from __future__ import annotations

import os

import pytest

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.bounded_json import MAX_BYTES, read_json


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[1]", "is not a JSON object"),
        (b"{", "cannot be read"),
        (b"\xff\xfe{}", "cannot be read"),
        (b'{"a": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b'{"a": ' * 100_000 + b"}" * 100_000, "nested too deeply"),
        (b" " * MAX_BYTES + b"{}", "at most 8 MiB"),
    ],
)
def test_what_is_no_config_is_told_in_one_line(tmp_path, content, told):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=told) as caught:
        read_json(tmp_path / "config.json")
    assert "\n" not in str(caught.value) and " -> " in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ModelError, match="cannot be read"):
        read_json(tmp_path / "config.json")
