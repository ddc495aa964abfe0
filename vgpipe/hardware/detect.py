"""Detects this machine's hardware, even if torch or a driver is missing or broken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vgpipe.hardware import cgroup, host
from vgpipe.hardware.nvml import Card, ListCards, cards
from vgpipe.hardware.probes import accelerators, build, cpu_device, rounded_gib, unusable_cards
from vgpipe.hardware.records import Device, Machine, TorchBuild


def detect(torch: Any = None, list_cards: ListCards = cards, folder: Path = Path()) -> Machine:
    """Lists the machine's devices and memory. Raises nothing; `torch_error` holds what failed.

    Args:
        torch: the torch module; None imports it, which takes a second or two.
        list_cards: lists NVIDIA's cards; none without a driver.
        folder: where runs are written; its free disk space is measured.

    Returns:
        The machine, its best device first and the CPU last.
    """
    module, errors = (torch, ()) if torch is not None else _import_torch()
    known = list_cards()
    torch_build, probed, complaints = _probe_torch(module, known) if module is not None else (None, (), ())
    unseen = () if any(device.kind == "cuda" for device in probed) else tuple(unusable_cards(known))
    errors = (*errors, *complaints, *_why_unseen(torch_build, known if unseen else ()))
    ram_total, _ = host.ram_bytes()
    return Machine(
        devices=(*probed, *unseen, cpu_device(is_usable=torch_build is not None)),
        torch=torch_build,
        torch_error="; ".join(errors) or None,
        cpu_name=host.cpu_name(),
        cores=host.cores(),
        ram_total_gb=rounded_gib(ram_total),
        ram_available_gb=rounded_gib(host.available_ram_bytes()),
        cgroup_limit_gb=rounded_gib(cgroup.read().limit_bytes),
        disk_free_gb=rounded_gib(host.disk_free_bytes(folder)),
    )


def _import_torch() -> tuple[Any, tuple[str, ...]]:
    try:
        import torch
    except ImportError as error:
        return None, (f"torch cannot be imported: {error}",)
    except Exception as error:  # a library that does not load, a half-removed package: the import may raise anything
        return None, (f"torch cannot be imported: {type(error).__name__}: {error}",)
    return torch, ()


def _probe_torch(torch: Any, known: Sequence[Card]) -> tuple[TorchBuild | None, tuple[Device, ...], tuple[str, ...]]:
    try:
        torch_build = build(torch)
    except Exception as error:  # the import may find an empty folder, or torch without its library
        return None, (), (f"torch is broken: {type(error).__name__}: {error}",)
    return torch_build, *accelerators(torch, known)


def _why_unseen(torch_build: TorchBuild | None, known: Sequence[Card]) -> tuple[str, ...]:
    if not known or torch_build is None:
        return ()
    names = ", ".join(dict.fromkeys(card.name for card in known))
    if torch_build.cuda is None:
        return (f"torch {torch_build.version} was built without CUDA and cannot use {names}",)
    driver = known[0].driver or "unknown"
    return (f"torch {torch_build.version} (CUDA {torch_build.cuda}) finds no device, driver {driver} has {names}",)
