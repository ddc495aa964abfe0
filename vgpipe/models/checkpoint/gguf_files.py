"""Reads and checks the header of a GGUF file, whose own reader makes objects of all that it announces."""

from __future__ import annotations

import os
import struct
from math import prod
from pathlib import Path
from typing import BinaryIO, NamedTuple

from vgpipe.models.checkpoint.safetensors_files import TensorFacts

NO_GGUF = "it is no GGUF file"
MAGIC, TEXT, ARRAY = b"GGUF", 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Type of a plain value -> its bytes."""

GGUF_TYPE, MAX_NAME_BYTES = "GGUF", 1024
ALIGNMENT_KEY, ALIGNMENT, UINT32 = "general.alignment", 32, 4
MAX_WORDS = 1 << 20
"""Items of the lists of a text encoder, whose tokenizer has 256,384 words."""
MAX_KEYS, MAX_ITEMS, MAX_TENSORS, MAX_DIMENSIONS = 2_000, 1 << 17, 20_000, 8
VALUES_PER_BYTE = 8  # the narrowest type has five


class GgufTensor(NamedTuple):
    """One tensor of a GGUF file.

    Attributes:
        kind: number of its type, as the format counts them.
        offset: where its bytes begin in the file.
        shape: its sizes, as torch orders them.
    """

    kind: int
    offset: int
    shape: tuple[int, ...]


def refuse_odd_gguf(path: Path) -> None:
    """Refuses a GGUF file that is damaged, or that takes the machine to be opened by the package `gguf`.

    Args:
        path: the file.

    Raises:
        ValueError: saying what is wrong with its header.
    """
    gguf_layout(path, max_items=MAX_ITEMS)


def gguf_tensors(path: Path) -> dict[str, TensorFacts]:
    """Returns name -> facts of every tensor of a GGUF file; their type is said as `GGUF`.

    Raises:
        ValueError: saying what is wrong with its header.
    """
    return {name: TensorFacts(GGUF_TYPE, one.shape) for name, one in gguf_layout(path).items()}


def gguf_layout(path: Path, *, max_items: int = MAX_WORDS) -> dict[str, GgufTensor]:
    """Returns name -> tensor of a GGUF file, by its header.

    Args:
        path: the file.
        max_items: the most items that its lists may have in all; those of a tokenizer are passed over.

    Raises:
        ValueError: saying what is wrong with its header.
    """
    with path.open("rb") as file:
        try:
            return _Header(file, max_items).tensors()
        except struct.error:
            raise ValueError(f"{NO_GGUF} (it ends in its header)") from None
        except ValueError as error:
            raise ValueError(f"{NO_GGUF} ({error})") from None


class _Header:
    def __init__(self, file: BinaryIO, max_items: int):
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        self._items, self._max_items, self._alignment = 0, max_items, ALIGNMENT

    def tensors(self) -> dict[str, GgufTensor]:
        if self._file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it does not begin as one")
        _version, tensors, keys = self._numbers("<IQQ")
        if tensors > MAX_TENSORS or keys > MAX_KEYS:
            raise ValueError(f"it announces {tensors:,} tensors and {keys:,} settings")
        for _ in range(keys):
            self._setting()
        found = [self._tensor() for _ in range(tensors)]
        start = -(-self._file.tell() // self._alignment) * self._alignment
        return {name: one._replace(offset=start + one.offset) for name, one in found}

    def _setting(self) -> None:
        name = self._text()
        (kind,) = self._numbers("<I")
        if name == ALIGNMENT_KEY and kind == UINT32:
            self._alignment = max(1, *self._numbers("<I"))
        else:
            self._skip_value(kind)

    def _tensor(self) -> tuple[str, GgufTensor]:
        name = self._text()
        (dimensions,) = self._numbers("<I")
        if dimensions > MAX_DIMENSIONS:
            raise ValueError(f"it has a tensor of {dimensions:,} dimensions")
        sizes = self._numbers(f"<{dimensions}Q")
        kind, offset = self._numbers("<IQ")
        if offset > self._size or prod(sizes) > VALUES_PER_BYTE * self._size:
            raise ValueError("it has a tensor that is larger than the file")
        return name, GgufTensor(kind, offset, tuple(reversed(sizes)))

    def _skip_value(self, kind: int) -> None:
        if kind == TEXT:
            self._skip_text()
        elif kind == ARRAY:
            self._skip_array(*self._numbers("<IQ"))
        elif kind in SIZES:
            self._skip(SIZES[kind])
        else:
            raise ValueError(f"it has a setting of the unknown type {kind}")

    def _skip_array(self, kind: int, length: int) -> None:
        self._items += length
        if self._items > self._max_items or kind == ARRAY:
            raise ValueError("it has lists of more than any model has")
        if kind in SIZES:
            self._skip(SIZES[kind] * length)
        else:
            for _ in range(length):
                self._skip_value(kind)

    def _text(self) -> str:
        (length,) = self._numbers("<Q")
        if self._file.tell() + length > self._size:
            raise ValueError("it ends in its header")
        if length > MAX_NAME_BYTES:
            raise ValueError(f"it has a name of {length:,} bytes")
        return self._file.read(length).decode("utf-8", "replace")

    def _skip_text(self) -> None:
        self._skip(*self._numbers("<Q"))

    def _skip(self, length: int) -> None:
        if self._file.tell() + length > self._size:
            raise ValueError("it ends in its header")
        self._file.seek(length, os.SEEK_CUR)

    def _numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))
