"""A torn safetensors file is found by its header alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.safetensors_files import check_complete


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file({"a": torch.arange(40.0), "b": torch.ones(3, 5, dtype=torch.bfloat16)}, path, metadata={"format": "pt"})
    return path


def test_a_whole_file_passes(whole):
    check_complete(whole, "vae")


@given(share=st.floats(0, 1, exclude_max=True))
def test_any_truncation_is_found_and_named(whole, share):
    torn = whole.with_name("torn.safetensors")
    data = whole.read_bytes()
    torn.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match=r"vae: .*torn\.safetensors is (truncated|not a safetensors file).*again"):
        check_complete(torn, "vae")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x02" + b"\0" * 7 + b"[]", b"\x02" + b"\0" * 7 + b"{]", b"\xff" * 64, b'\x0c\0\0\0\0\0\0\0{"a": "b"}  '],
)
def test_what_is_no_safetensors_file_is_named(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not a safetensors file"):
        check_complete(path, "vae")


def test_bytes_after_the_end_are_found(whole, tmp_path):
    longer = tmp_path / "longer.safetensors"
    longer.write_bytes(whole.read_bytes() + b"x")
    with pytest.raises(ModelError, match="too long"):
        check_complete(longer, "vae")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of git-lfs .* -> git lfs pull"),
        (b"<!DOCTYPE html><html>", "is a web page in place of the file -> "),
        (b"PK\x03\x04" + b"\0" * 90, "is pickled weights under another name"),
    ],
)
def test_what_stands_in_place_of_a_file_is_named(tmp_path, content, told):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=told):
        check_complete(tmp_path / "x.safetensors", "vae")
