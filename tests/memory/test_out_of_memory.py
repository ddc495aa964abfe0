from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch

from vgpipe.errors import LoadError, OutOfMemory
from vgpipe.memory.out_of_memory import drop_traceback_locals, is_of_host, is_out_of_memory

SAID = [
    "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "4000000000000 bytes. Error code 12 (Cannot allocate memory)",
    "[enforce fail at alloc_cpu.cpp] . DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.",
    "MPS backend out of memory (MPS allocated: 17.96 GB, other allocations: 1.3 MB, max allowed: 18.13 GB).",
    "CUDA error: out of memory",
    "CUDA driver error: out of memory",
    "cudaErrorMemoryAllocation: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "XPU out of memory. Tried to allocate 2 GiB.",
    "Native API failed. Native API returns: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
]


@pytest.mark.parametrize("text", SAID)
def test_whatever_torch_says(text):
    assert is_out_of_memory(RuntimeError(text))


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemory("x"), torch.OutOfMemoryError("x")])
def test_the_errors_made_for_it(error):
    assert is_out_of_memory(error)


def test_what_really_runs_out():
    with pytest.raises(RuntimeError) as torchs:
        torch.empty(1 << 60)
    with pytest.raises(MemoryError) as numpys:
        np.ones(1 << 58)
    assert is_out_of_memory(torchs.value) and is_out_of_memory(numpys.value)


def test_its_cause_counts():
    with pytest.raises(LoadError) as raised:
        try:
            raise MemoryError
        except MemoryError as error:
            raise LoadError("cannot be loaded") from error
    assert is_out_of_memory(raised.value)


@pytest.mark.parametrize(
    "error",
    [None, RuntimeError("mat1 and mat2 shapes cannot be multiplied"), OSError(28, "No space left"), LoadError("gone")],
)
def test_nothing_else(error):
    assert not is_out_of_memory(error)


def test_ram_is_told_from_the_memory_of_a_device():
    of_torch = (
        "[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 1"
    )
    wrapped = LoadError("cannot be loaded")
    wrapped.__cause__ = MemoryError()
    assert is_of_host(MemoryError()) and is_of_host(RuntimeError(of_torch)) and is_of_host(wrapped)
    assert not is_of_host(torch.OutOfMemoryError("CUDA out of memory"))


def test_letting_go_frees_what_finished_frames_held_of_the_whole_chain():
    def fails():
        tensor = torch.zeros(3)
        alive.append(weakref.ref(tensor))
        raise ValueError(len(tensor))

    def wraps():
        other = torch.zeros(3)
        alive.append(weakref.ref(other))
        try:
            fails()
        except ValueError as error:
            raise LoadError("cannot be loaded") from error

    alive: list = []
    try:
        wraps()
    except LoadError as error:
        kept = error
    assert all(one() is not None for one in alive)
    drop_traceback_locals(kept)
    assert [one() for one in alive] == [None, None]
    assert kept.__traceback__ is not None and kept.__cause__ is not None
