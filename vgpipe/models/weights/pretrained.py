"""Arguments and results of the libraries' `from_pretrained`."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vgpipe.models.checkpoint.tensor_names import is_beside_weights

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

COMPUTED = re.compile(r"(^|\.)(position_ids|inv_freq|num_batches_tracked|masked_bias)$")
"""Names of buffers that older versions saved and newer ones compute."""


def dtype_keyword(loader: Any) -> str:
    """Returns the name of a class's precision argument: transformers renamed it in 4.56 and warns of the old one."""
    if loader.__module__.startswith("diffusers"):
        return "torch_dtype"
    import transformers
    from packaging.version import Version

    return "dtype" if Version(transformers.__version__) >= Version("4.56") else "torch_dtype"


def kept_in_float32(loader: Any, dtype: torch.dtype) -> frozenset[str]:
    """Returns the parts of names whose tensors `from_pretrained` leaves in float32.

    Args:
        loader: a class of diffusers or transformers.
        dtype: torch dtype that is asked for.
    """
    import torch

    names = frozenset(getattr(loader, "_keep_in_fp32_modules", None) or ())
    if loader.__module__.startswith("diffusers"):
        return names
    strict = frozenset(getattr(loader, "_keep_in_fp32_modules_strict", None) or ())
    return strict | names if dtype == torch.float16 else strict


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Builds tensors in a precision, as `from_pretrained` does; buffers that are in no file get it too."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def bars_hidden() -> Iterator[None]:
    """Hides diffusers' bar over the files of a model, which no environment variable turns off."""
    bars = sys.modules.get("diffusers.utils.logging")
    if bars is None or not bars.is_progress_bar_enabled():
        yield
        return
    bars.disable_progress_bar()
    try:
        yield
    finally:
        bars.enable_progress_bar()


def no_code(loader: Any) -> dict[str, Any]:
    """Returns the argument by which a class of transformers never asks whether it may run a checkpoint's own code."""
    return {"trust_remote_code": False} if loader.__module__.startswith("transformers") else {}


def refuse_misfit(info: Mapping[str, Any], module: Any) -> None:
    """Refuses a module that its files did not fill, or that has no use for some of their tensors.

    The libraries only warn: transformers puts random weights where there are none, and what both leave out may change
    what the others mean. Parts of a larger model beside this one (a decoder, a head) are left out with a line in the
    log.

    Args:
        info: what loading reports: names under `missing_keys`, `mismatched_keys` and `unexpected_keys`.
        module: as loaded.

    Raises:
        ValueError: naming the first few tensors.
    """
    missing, mismatched, unexpected = (
        sorted(str(name) for name in info.get(kind) or ())
        for kind in ("missing_keys", "mismatched_keys", "unexpected_keys")
    )
    if missing:
        named = f", and finds {_some(unexpected)} in their place" if unexpected else ""
        raise ValueError(f"missing tensors: {_some(missing)}{named}")
    if mismatched:
        raise ValueError(f"mismatched tensors: {_some(mismatched)}")
    strange = _strange(unexpected, module)
    if strange:
        raise ValueError(f"{len(strange)} tensors fit nothing in a {type(module).__name__}: {_some(strange)}")


def _strange(unexpected: Sequence[str], module: Any) -> list[str]:
    """Returns the tensors that a module should have a place for; logs those of other parts of a larger model."""
    computed = {name for name, _ in module.named_buffers()}  # some versions save them, others compute them
    base = f"{getattr(module, 'base_model_prefix', '') or ''}."
    found = [
        name
        for name in unexpected
        if not {name, name.removeprefix(base)} & computed and not COMPUTED.search(name) and not is_beside_weights(name)
    ]
    if type(module).__module__.startswith("diffusers"):
        return found
    own = {name for name, _ in (*module.named_children(), *module.named_parameters(recurse=False))}
    strange = [name for name in found if name.removeprefix(base).partition(".")[0] in own]
    others = sorted({name.partition(".")[0] for name in found} - {name.partition(".")[0] for name in strange})
    if others:
        log.info("%s: its files also hold %s, which it has no use for", type(module).__name__, ", ".join(others))
    return strange


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def copy_out_of_files(module: Any, dtype: Any) -> None:
    """Copies the few tensors that the library kept in another precision than asked for; changes `module` in place.

    They are views into the mapped weight files; while one of them lives, the whole of its file stays mapped, beside the
    converted weights.

    Args:
        module: as loaded.
        dtype: torch dtype that was asked for.
    """
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point() and tensor.dtype != dtype and not tensor.is_meta:
            tensor.data = tensor.data.clone()
