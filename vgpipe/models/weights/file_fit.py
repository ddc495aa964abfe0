"""Tries a single weight file on a module without weights, before anything starts.

That imports torch and the library, so what it finds is noted for later runs.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from vgpipe.errors import LoadError, ModelError
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.checkpoint.gguf_files import GGUF_TYPE
from vgpipe.models.weights.pretrained import COMPUTED, refuse_misfit
from vgpipe.store.notes import Notes

if TYPE_CHECKING:
    import torch

SCHEMA = 1
OUTER = ("", "model.", "language_model.", "model.language_model.", "text_model.")
"""What transformers takes before the names of a text encoder that is a part of a larger model."""


def check(checkpoint: Checkpoint, component: str, notes: Notes) -> None:
    """Refuses a single file that does not fill a component, or that holds what it has no place for.

    Args:
        checkpoint: the model's files; one of a repo that is not downloaded yet is not looked at.
        component: its name in model_index.json.
        notes: what earlier runs found; written to.

    Raises:
        LoadError: naming the tensors.
    """
    source = checkpoint.source(component)
    if source.file is None or source.repo is not None:
        return
    library = str(checkpoint.index[component][0])
    key = {
        "file_fit": SCHEMA,
        "file": checkpoint.identity(component, None),
        "library": [library, metadata.version(library)],
    }
    found = notes.find(key)
    if not isinstance(found, str):
        found = _tried(checkpoint, component)
        notes.remember(key, found)
    if found:
        remedy = "take a file of the model that its config.json describes"
        raise LoadError(f"{component}: {source.folder / source.file} does not fit: {found} -> {remedy}", component)


def _tried(checkpoint: Checkpoint, component: str) -> str:
    import torch

    from vgpipe.models.weights.bounded_build import built_on_meta
    from vgpipe.models.weights.from_tensors import after_conversion

    loader = checkpoint.component_class(component)
    try:
        module = built_on_meta(checkpoint, component, torch.float32)
    except ModelError:
        raise
    except Exception:  # a class that cannot be built so may be loaded all the same
        return ""
    expected = {name: tuple(one.shape) for name, one in module.state_dict().items()}
    tensors = checkpoint.part(component).tensors
    given = after_conversion(loader, checkpoint.config(component), tensors, expected)
    if given is None:
        return ""
    is_packed = any(one.dtype == GGUF_TYPE for one in tensors.values())
    if loader.__module__.startswith("diffusers"):
        return _misfit(module, expected, given, is_packed=is_packed)
    return _misfit_of_library(module, expected, given)


def _misfit(module: torch.nn.Module, expected: dict[str, Any], given: dict[str, Any], *, is_packed: bool) -> str:
    # The sizes of packed tensors are those of blocks, and some writers join the sizes of a convolution.
    wrong = [] if is_packed else [name for name in set(given) & set(expected) if given[name] != expected[name]]
    info = {"missing_keys": set(expected) - set(given), "unexpected_keys": set(given) - set(expected)}
    try:
        refuse_misfit({**info, "mismatched_keys": _told(wrong, given, expected)}, module)
    except ValueError as error:
        return str(error)
    return ""


def _misfit_of_library(module: torch.nn.Module, expected: dict[str, Any], given: dict[str, Any]) -> str:
    """Returns what a text encoder lacks or has in another size; what transformers renames itself is left to it."""
    named = {name.removeprefix(start): shape for start in reversed(OUTER) for name, shape in given.items()}
    wrong = [name for name in expected if name in named and named[name] != expected[name]]
    if wrong:
        return f"mismatched tensors: {', '.join(_told(wrong, named, expected)[:3])}"
    tied = tuple(getattr(module, "_tied_weights_keys", None) or ())
    lacking = sorted(name for name in expected if name not in named and name not in tied and not COMPUTED.search(name))
    is_whole = 2 * len(lacking) > len(expected)  # all are named in another way
    return f"missing tensors: {', '.join(lacking[:3])}" if lacking and not is_whole else ""


def _told(names: list[str], given: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [f"{name} of {list(given[name])}, not {list(expected[name])}" for name in sorted(names)]
