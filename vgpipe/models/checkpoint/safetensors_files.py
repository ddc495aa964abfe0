"""What the header of a safetensors file says: whether the file is whole, and which tensors it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from vgpipe.errors import ModelError

LENGTH_BYTES = 8
REMEDY = "copy or download it again"
LFS_POINTER, HTML = b"version https://git-lfs", (b"<!doctype", b"<html")
PICKLES = (b"pk\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")
MAX_HEADER_BYTES, FORMAT_LIMIT_BYTES = 16 << 20, 100_000_000
"""A header of 30,000 tensors has 4 MB. The format allows 100 MB, which take two gigabytes to read."""


def refuse_long_header(path: Path, component: str) -> None:
    """Refuses a safetensors file that takes much memory to open, whatever its size.

    Args:
        path: the file.
        component: whose weights it holds; named in the error.

    Raises:
        ModelError: where its header is longer than any model's, or there is none.
    """
    try:
        with path.open("rb") as file:
            _header_bytes(file)
    except (OSError, ValueError) as error:
        raise _refusal(path, component, error) from None


class TensorFacts(NamedTuple):
    """One tensor of a file, by its header.

    Attributes:
        dtype: as the format spells it: `F32`, `BF16`, `F8_E4M3`, `U8`.
        shape: its sizes.
    """

    dtype: str
    shape: tuple[int, ...]


def tensors_in(path: Path) -> dict[str, TensorFacts]:
    """Returns name -> facts of every tensor of a file, as its header lists them.

    Args:
        path: a safetensors file.

    Raises:
        ValueError: where it is none.
    """
    try:
        header, _ = _header(path)
        return {name: TensorFacts(str(one["dtype"]), tuple(one["shape"])) for name, one in header.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name} is not a safetensors file ({error})") from None


def check_complete(path: Path, component: str) -> None:
    """Compares a safetensors file's size with what its header announces.

    Args:
        path: the file.
        component: whose weights it holds; named in the error.

    Raises:
        ModelError: where it is truncated, or no safetensors file at all.
    """
    try:
        announced = LENGTH_BYTES + _announced_bytes(path)
        actual = path.stat().st_size
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _refusal(path, component, error) from None
    if actual != announced:
        kind = "truncated" if actual < announced else "too long"
        raise ModelError(f"{component}: {path} is {kind} ({actual:,} of {announced:,} bytes) -> {REMEDY}")


def _refusal(path: Path, component: str, error: Exception) -> ModelError:
    what, remedy = _in_its_place(path) or (f"not a safetensors file ({error})", REMEDY)
    return ModelError(f"{component}: {path} is {what} -> {remedy}")


def _in_its_place(path: Path) -> tuple[str, str] | None:
    """Returns what stands where a weight file should, and the remedy, where that is known by its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(100).lstrip().lower()
    except OSError:
        return None
    if start.startswith(LFS_POINTER):
        return "a pointer of git-lfs in place of the file", "git lfs pull, in the folder that was cloned"
    if start.startswith(HTML):
        return "a web page in place of the file", "download it with `hf download`, logged in where that is needed"
    if start.startswith(PICKLES):
        return "pickled weights under another name, which can run code and are never loaded", "take safetensors"
    return None


def _announced_bytes(path: Path) -> int:
    header, header_bytes = _header(path)
    return header_bytes + max((entry["data_offsets"][1] for entry in header.values()), default=0)


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Returns what the header says of each tensor, and its length."""
    with path.open("rb") as file:
        header_bytes = _header_bytes(file)
        header = json.loads(file.read(header_bytes), object_pairs_hook=_without_doubles)
    return {name: entry for name, entry in header.items() if name != "__metadata__"}, header_bytes


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("its header names a tensor twice")
    return found


def _header_bytes(file: BinaryIO) -> int:
    header_bytes = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if not 0 < header_bytes <= FORMAT_LIMIT_BYTES:
        raise ValueError("it has no header")
    if header_bytes > MAX_HEADER_BYTES:
        raise ValueError(f"its header has {header_bytes:,} bytes, and no model needs more than {MAX_HEADER_BYTES:,}")
    return header_bytes
