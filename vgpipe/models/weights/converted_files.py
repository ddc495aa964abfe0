"""Converts weight files tensor by tensor, for components whose weights go from their files into other files.

`from_pretrained` converts a component as a whole: all of it is then in RAM, and a component that waits in files is one
that RAM is too small for. A converted copy of its files is mapped as it is, and no more than one tensor is in RAM.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vgpipe.errors import StoreError
from vgpipe.store.durable import temporary_path

if TYPE_CHECKING:
    import torch

ALIGNMENT_BYTES = 64
"""Where torch's own CPU allocations start. Kernels are chosen by the address of weights (`memory/offloading.py`), so a
converted weight starts in its file as one that was converted in RAM does."""
NAMES = {"torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16"}


@contextmanager
def converted(
    place: Path, paths: Sequence[Path], dtype: torch.dtype, kept: Collection[str], folder: Path
) -> Iterator[Path]:
    """Yields a copy of a component's folder with its weights in a precision, or the folder itself.

    The copy is deleted at the end. Where the system allows that (not on Windows), what was loaded from it stays mapped.

    Args:
        place: the component's folder.
        paths: its safetensors files, all in that folder.
        dtype: torch dtype that its weights are wanted in.
        kept: parts of the names of tensors that are copied as they are.
        folder: where the copy is made; created if need be.

    Yields:
        The copy; `place` where no weight would be converted, or some are in that precision already: those lie where
        their file puts them.

    Raises:
        StoreError: where the copy cannot be written.
    """
    if not _all_are_converted(paths, dtype):
        yield place
        return
    copy = temporary_path(folder / place.name / "converted")
    try:
        try:
            copy.mkdir(parents=True)
            for text in place.glob("*.json"):
                shutil.copyfile(text, copy / text.name)
            for path in paths:
                _convert(path, copy / path.name, dtype, kept)
        except OSError as error:
            raise StoreError(
                f"converted weights cannot be written to {folder}: {error} -> free some space, store.dir=DIR on "
                "another disk, or a memory strategy that needs no files"
            ) from error
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def aligned(module: Any) -> None:
    """Copies weights that do not start at a multiple of `ALIGNMENT_BYTES`, few and small; changes `module` in place."""
    for tensor in (*module.parameters(), *module.buffers()):
        if not tensor.is_meta and tensor.device.type == "cpu" and tensor.data_ptr() % ALIGNMENT_BYTES:
            tensor.data = tensor.data.clone()


def _all_are_converted(paths: Sequence[Path], dtype: torch.dtype) -> bool:
    from safetensors import safe_open

    wanted = NAMES.get(str(dtype))
    stored = set()
    for path in paths:
        with safe_open(path, framework="pt") as opened:
            stored |= {opened.get_slice(name).get_dtype() for name in opened.keys()}  # noqa: SIM118 (it is no mapping)
    return wanted is not None and bool(stored & set(NAMES.values())) and wanted not in stored


def _convert(source: Path, target: Path, dtype: torch.dtype, kept: Collection[str]) -> None:
    from safetensors import safe_open

    with safe_open(source, framework="pt") as opened, target.open("wb") as file:
        dtypes = {name: _dtype_of(opened, name, dtype, kept) for name in opened.keys()}  # noqa: SIM118
        sizes = {name: _size_bytes(opened, name, dtypes[name]) for name in dtypes}
        # What is a multiple of the alignment first, so that it all starts at one.
        order = sorted(sizes, key=lambda name: (sizes[name] % ALIGNMENT_BYTES != 0, name))
        file.write(_header(opened, order, dtypes, sizes))
        for name in order:
            _write(file, opened.get_tensor(name), dtypes[name])


def _dtype_of(opened: Any, name: str, dtype: torch.dtype, kept: Collection[str]) -> torch.dtype | None:
    """Returns the precision that a tensor is written in; None for its own."""
    is_float = opened.get_slice(name).get_dtype() in NAMES.values()
    return dtype if is_float and not any(part in name for part in kept) else None


def _size_bytes(opened: Any, name: str, dtype: torch.dtype | None) -> int:
    tensor = opened.get_tensor(name)  # mapped, not read
    return tensor.numel() * (tensor.element_size() if dtype is None else dtype.itemsize)


def _header(
    opened: Any, order: Sequence[str], dtypes: Mapping[str, torch.dtype | None], sizes: Mapping[str, int]
) -> bytes:
    entries: dict[str, Any] = {"__metadata__": opened.metadata() or {"format": "pt"}}
    start = 0
    for name in order:
        slice_, dtype = opened.get_slice(name), dtypes[name]
        entries[name] = {
            "dtype": slice_.get_dtype() if dtype is None else NAMES[str(dtype)],
            "shape": list(slice_.get_shape()),
            "data_offsets": [start, start + sizes[name]],
        }
        start += sizes[name]
    text = json.dumps(entries).encode()
    padding = -(8 + len(text)) % ALIGNMENT_BYTES
    return struct.pack("<Q", len(text) + padding) + text + b" " * padding


def _write(file: BinaryIO, tensor: torch.Tensor, dtype: torch.dtype | None) -> None:
    import torch

    written = (tensor if dtype is None else tensor.to(dtype)).contiguous()
    written.reshape(-1).view(torch.uint8).numpy().tofile(file)
