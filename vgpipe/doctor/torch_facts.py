"""Reads torch's build and whether it can use this machine's GPU. Runs in the child process."""

from __future__ import annotations

from typing import Any


def torch_facts() -> dict[str, Any]:
    """Returns torch's version, build, device and the reason why it cannot use a GPU; imports torch."""
    import torch

    return {
        "version": torch.__version__,
        "build": _build(torch),
        "device": _device(torch),
        "reason": _why_no_gpu(torch),
        "gpus": _gpus(torch),
        "numpy": _numpy_works(torch),
    }


def _build(torch: Any) -> str:
    if torch.version.hip:
        return f"ROCm {torch.version.hip}"
    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    if getattr(torch.version, "xpu", None):
        return f"XPU {torch.version.xpu}"
    return "MPS" if torch.backends.mps.is_built() else "CPU"


def _device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        return "xpu"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _why_no_gpu(torch: Any) -> str:
    if not (torch.version.cuda or torch.version.hip) or torch.cuda.is_available():
        return ""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return " ".join(str(error).split())[:200]
    return "it sees no GPU"


def _gpus(torch: Any) -> list[dict[str, Any]]:
    """Returns each GPU and the error of its first kernel, which fails if this build has no code for it."""
    if not torch.cuda.is_available():
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        gpu = {"name": facts.name, "capability": f"{facts.major}.{facts.minor}"}
        try:
            torch.ones(8, device=f"cuda:{index}").sum().item()
            gpu["error"] = ""
        except RuntimeError as error:
            gpu["error"] = str(error).splitlines()[0]
        found.append(gpu)
    return found


def _numpy_works(torch: Any) -> str:
    try:
        torch.zeros(1).numpy()
    except RuntimeError as error:
        return str(error)
    return ""
