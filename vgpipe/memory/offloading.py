"""diffusers' group offloading, with files for the weights that memory does not hold.

diffusers (0.42) keeps an empty tensor of full size in RAM for each that it writes to a file, writes uninitialised
memory for a weight that two layers share (it is gone when the second is written), trusts any file that it finds in the
folder, takes away buffers that a pipeline reads from the component itself (`vae.latents_mean`), and computes on the CPU
with weights at whatever address the file puts them. `FileGroup` does none of that; a diffusers whose `ModuleGroup` does
none of it either makes it superfluous.
"""

from __future__ import annotations

import inspect
import itertools
import re
import shutil
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import safetensors.torch
import torch
from diffusers.hooks import apply_group_offloading, group_offloading

from vgpipe.errors import StoreError
from vgpipe.memory import budget
from vgpipe.store.durable import temporary_path

RAM = torch.device("cpu")
ALIGNMENT_BYTES = 64  # a cache line, the widest vector, and where torch's own CPU allocations start


def offload(module: Any, device: str, *, level: str, stream: bool, offload_dir: Path | None) -> Any:
    """Keeps the weights of a module on the device only while a block or leaf of it runs.

    Args:
        module: changed in place. Its own parameters and buffers, few and small, stay on the device where the others
            go to files: pipelines read some of them.
        device: torch device string.
        level: `block_level` or `leaf_level`.
        stream: whether the next one is prefetched while one computes.
        offload_dir: folder in which the weights get a folder of their own, deleted with the module; None keeps them in
            RAM.

    Raises:
        StoreError: where they cannot be written.
    """
    options: dict[str, Any] = {
        "onload_device": torch.device(device),
        "offload_device": RAM,
        "offload_type": level,
        "num_blocks_per_group": 1 if level == "block_level" else None,
        "use_stream": stream,
    }
    if offload_dir is None:
        apply_group_offloading(module, **options)
        return module
    folder = _folder_of(module, offload_dir)
    own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    for tensor in own:
        tensor.data = tensor.data.to(device)
    with _groups_in(_Files(folder, own), torch.device(device)):
        apply_group_offloading(module, **options, offload_to_disk_path=str(folder))
    return module


def obstacle() -> str | None:
    """Returns why the installed diffusers cannot offload; None where it can."""
    if "exclude_kwargs" in inspect.signature(apply_group_offloading).parameters:
        return None
    return "that needs diffusers 0.36, whose hooks leave a VAE's cache of earlier frames alone"


def _folder_of(module: Any, offload_dir: Path) -> Path:
    # Named and placed as drafts of the store are: no other process trusts it, and it is swept if this one is killed.
    folder = temporary_path(offload_dir / type(module).__name__ / "weights")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(offload_dir, error) from error
    weakref.finalize(module, shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def _groups_in(files: _Files, device: torch.device) -> Iterator[None]:
    with (
        mock.patch.object(group_offloading, "ModuleGroup", partial(FileGroup, files)),
        # diffusers below 0.41 looks for an accelerator even where it computes on the CPU.
        mock.patch.object(torch.accelerator, "current_accelerator", lambda *_args, **_kwargs: device),
    ):
        yield


class _Files:
    """The weights of a module that are in files.

    Args:
        folder: theirs alone.
        kept: tensors that stay on the device.
    """

    def __init__(self, folder: Path, kept: Sequence[torch.Tensor]):
        self.kept = {id(tensor) for tensor in kept}
        self._folder = folder
        self._count = itertools.count()
        self._written: dict[int, tuple[str, str]] = {}
        self._misalignments: dict[int, int] = {}

    def new_path(self) -> str:
        """Returns the path of another group's file."""
        return str(self._folder / f"{next(self._count)}.safetensors")

    def write(self, path: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Writes a group's weights, including those that another group wrote before.

        Raises:
            StoreError: where they cannot be written.
        """
        whole = {name: self._whole(tensor).contiguous() for name, tensor in tensors.items()}
        try:
            safetensors.torch.save_file(whole, path)
        except (OSError, safetensors.SafetensorError) as error:
            raise _unwritable(Path(path).parent, error) from _os_error(error)
        for name, tensor in tensors.items():
            self._written.setdefault(id(tensor), (path, name))
            self._misalignments.setdefault(id(tensor), tensor.data_ptr() % ALIGNMENT_BYTES)

    def misalignment(self, tensor: torch.Tensor) -> int:
        """Returns how many bytes past a multiple of `ALIGNMENT_BYTES` a tensor started before it was written."""
        return self._misalignments[id(tensor)]

    def _whole(self, tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in self._written:
            return tensor.data.cpu()
        path, name = self._written[id(tensor)]
        with safetensors.safe_open(path, framework="pt") as opened:
            return opened.get_tensor(name)


class FileGroup(group_offloading.ModuleGroup):  # type: ignore[misc]  # diffusers has no types
    """A group of layers whose weights are in a file while they do not run."""

    def __init__(self, files: _Files, *args: Any, **kwargs: Any):
        self.tensor_to_key: dict[torch.Tensor, str] = {}
        self._is_offloaded_to_disk = False
        super().__init__(*args, **kwargs)
        self._files, self.safetensors_file_path = files, files.new_path()
        known = self.tensor_to_key.items()
        self.tensor_to_key = {tensor: key for tensor, key in known if id(tensor) not in files.kept}
        self.key_to_tensor = {key: tensor for tensor, key in self.tensor_to_key.items()}

    def _onload_from_disk(self) -> None:
        if not self.key_to_tensor:
            return
        with budget.suspended():  # safetensors would take a refusal for a file that it cannot read
            super()._onload_from_disk()
            self._keep_alignment()
        self._to_its_card()
        try:
            budget.hold_tensors(tensor.data for tensor in self.key_to_tensor.values())
        except torch.OutOfMemoryError:
            self._release()
            raise

    def _offload_to_disk(self) -> None:
        if not self._is_offloaded_to_disk and self.key_to_tensor:
            self._files.write(self.safetensors_file_path, self.key_to_tensor)
        self._is_offloaded_to_disk = True
        if self.stream is not None and not self.record_stream:
            # The compute stream may still be reading what is released below.
            self._torch_accelerator_module.current_stream().synchronize()
        self._release()

    def _keep_alignment(self) -> None:
        """Gives weights that the CPU computes with the alignment that they had before they were written.

        MKL chooses its kernel by the address of the weights: a float32 linear layer of one row has other bits where
        they start off a multiple of 16 bytes. safetensors maps a file, so that a tensor starts wherever the sizes of
        those before it put it. In their own files weights would lie otherwise than in memory, or than in the
        checkpoint's file that memory maps, and the memory strategy would change the latents.
        """
        if self.onload_device.type != RAM.type:
            return
        for tensor in self.tensor_to_key:
            tensor.data = _at_alignment(tensor.data, self._files.misalignment(tensor))

    def _to_its_card(self) -> None:
        """Moves the weights to the requested card; diffusers puts them on the first one."""
        if not self.onload_device.index:
            return
        for tensor in self.tensor_to_key:
            tensor.data = tensor.data.to(self.onload_device, non_blocking=self.non_blocking)

    def _release(self) -> None:
        for tensor in self.tensor_to_key:
            tensor.data = _nothing(tensor.dtype).expand(tensor.shape)


def _at_alignment(tensor: torch.Tensor, misalignment: int) -> torch.Tensor:
    """Returns a contiguous tensor as it is if it starts as wanted, else a copy that does.

    Args:
        tensor: in RAM.
        misalignment: bytes past a multiple of `ALIGNMENT_BYTES`.
    """
    if not tensor.numel() or tensor.data_ptr() % ALIGNMENT_BYTES == misalignment:
        return tensor
    # In elements: no tensor starts between two of them.
    padding = misalignment // tensor.element_size()
    return torch.empty(padding + tensor.numel(), dtype=tensor.dtype)[padding:].view(tensor.shape).copy_(tensor)


@cache
def _nothing(dtype: torch.dtype) -> torch.Tensor:
    """Returns one value for all weights in files; not a number, so that its use shows in every result."""
    return torch.full((), float("nan") if dtype.is_floating_point else 0, dtype=dtype)


def _os_error(error: Exception) -> Exception:
    """Returns the system's error that safetensors gives as text only; the run stops where that is a full disk."""
    found = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(found[1]), str(error)) if found else error


def _unwritable(folder: Path, error: Exception) -> StoreError:
    return StoreError(
        f"offloaded weights cannot be written to {folder}: {error} -> free some space, store.dir=DIR on another disk, "
        "or a memory strategy that needs no files"
    )
