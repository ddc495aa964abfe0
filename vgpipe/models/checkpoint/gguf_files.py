"""Checks the header of a GGUF file, whose reader makes objects of all that it announces, whatever the file holds."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

NO_GGUF = "it is no GGUF file"
MAGIC, TEXT, ARRAY = b"GGUF", 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Type of a plain value -> its bytes."""

MAX_KEYS, MAX_ITEMS, MAX_TENSORS, MAX_DIMENSIONS = 2_000, 1 << 17, 20_000, 8
VALUES_PER_BYTE = 8  # the narrowest type has five


def refuse_odd_gguf(path: Path) -> None:
    """Refuses a GGUF file that is damaged, or that takes the machine to be opened.

    Args:
        path: the file.

    Raises:
        ValueError: saying what is wrong with its header.
    """
    with path.open("rb") as file:
        try:
            _Header(file).check()
        except struct.error:
            raise ValueError(f"{NO_GGUF} (it ends in its header)") from None
        except ValueError as error:
            raise ValueError(f"{NO_GGUF} ({error})") from None


class _Header:
    def __init__(self, file: BinaryIO):
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        self._items = 0

    def check(self) -> None:
        if self._file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it does not begin as one")
        _version, tensors, keys = self._numbers("<IQQ")
        if tensors > MAX_TENSORS or keys > MAX_KEYS:
            raise ValueError(f"it announces {tensors:,} tensors and {keys:,} settings")
        for _ in range(keys):
            self._skip_text()
            self._skip_value(*self._numbers("<I"))
        for _ in range(tensors):
            self._check_tensor()

    def _check_tensor(self) -> None:
        self._skip_text()
        (dimensions,) = self._numbers("<I")
        if dimensions > MAX_DIMENSIONS:
            raise ValueError(f"it has a tensor of {dimensions:,} dimensions")
        values = 1
        for size in self._numbers(f"<{dimensions}Q"):
            values *= size
        _kind, offset = self._numbers("<IQ")
        if offset > self._size or values > VALUES_PER_BYTE * self._size:
            raise ValueError("it has a tensor that is larger than the file")

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
        if self._items > MAX_ITEMS or kind == ARRAY:
            raise ValueError("it has lists of more than any model has")
        if kind in SIZES:
            self._skip(SIZES[kind] * length)
        else:
            for _ in range(length):
                self._skip_value(kind)

    def _skip_text(self) -> None:
        self._skip(*self._numbers("<Q"))

    def _skip(self, length: int) -> None:
        if self._file.tell() + length > self._size:
            raise ValueError("it ends in its header")
        self._file.seek(length, os.SEEK_CUR)

    def _numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))
