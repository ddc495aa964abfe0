"""A GGUF file that announces more than it holds, or more than any model has, is refused by its header."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from vgpipe.models.checkpoint.gguf_files import refuse_odd_gguf


def head(tensors: int = 0, keys: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys)


def text(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def array(kind: int, length: int, data: bytes = b"") -> bytes:
    return head(0, 1) + text(b"a") + struct.pack("<IIQ", 9, kind, length) + data


def tensor(dimensions: tuple[int, ...], offset: int = 0) -> bytes:
    shape = struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
    return head(1) + text(b"t") + shape + struct.pack("<IQ", 0, offset) + b"\0" * 64


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "does not begin as one"),
        (b"version https://git-lfs", "does not begin as one"),
        (b"GGUF\3", "ends in its header"),
        (head(1 << 60, 1 << 60), "announces 1,152,921,504,606,846,976 tensors"),
        (head(0, 2), "ends in its header"),
        (head(0, 1) + struct.pack("<Q", 1 << 60), "ends in its header"),
        (head(0, 1) + text(b"a") + struct.pack("<I", 99), "unknown type 99"),
        (array(0, 1_000_000_000, b"\0" * 64), "lists of more"),
        (array(0, 1_000, b"\0" * 64), "ends in its header"),
        (array(9, 1), "lists of more"),
        (array(8, 2, text(b"x")), "ends in its header"),
        (tensor((1,) * 9), "9 dimensions"),
        (tensor((1 << 40, 1 << 40)), "larger than the file"),
        (tensor((1,), offset=1 << 50), "larger than the file"),
    ],
)
def test_an_odd_header_is_told(tmp_path, content, told):
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(ValueError, match=rf"^it is no GGUF file \(.*{told}.*\)$"):
        refuse_odd_gguf(tmp_path / "x.gguf")


def test_a_real_file_passes(tmp_path):
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(str(tmp_path / "x.gguf"), "wan")
    writer.add_array("sizes", [1, 2, 3])
    writer.add_array("names", ["a", "b"])
    writer.add_tensor("a", np.zeros((4, 32), "float32"))
    writer.add_tensor(
        "b", gguf.quants.quantize(np.zeros((2, 64), "float32"), gguf.GGMLQuantizationType.Q4_0), raw_dtype=2
    )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    refuse_odd_gguf(tmp_path / "x.gguf")
