"""Imports diffusers and transformers without the compiler, SciPy, PEFT, torchao and distributed training.

Both import those at their start, for functions that a run without a LoRA or quantized weights never calls: half of the
time that the imports take. While the modules that do so are imported, placeholders give them the few names that they
ask for; each name imports what it stands for when it is used. Afterwards only the placeholders remain that diffusers
looks at later. Whoever asks for anything else, or is no part of these libraries, gets the module itself.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vgpipe.models.imports.placeholder import LaterName, Placeholder, is_imported, place, remove

log = logging.getLogger(__name__)

COMPILER = "torch._dynamo"
USERS = ("accelerate", "diffusers", "transformers")
LATER: Mapping[str, tuple[str, ...]] = {
    "scipy.optimize": ("linear_sum_assignment",),
    "peft.helpers": ("disable_input_dtype_casting",),
    "torchao.prototype.safetensors.safetensors_support": ("flatten_tensor_state_dict", "unflatten_tensor_state_dict"),
    "torchao.prototype.safetensors.safetensors_utils": ("is_metadata_torchao",),
    "torchao.quantization": ("FqnToConfig", "quantize_"),
    "torch.distributed._composable.fsdp": ("fully_shard",),
    "torch.distributed.checkpoint.hf_storage": ("HuggingFaceStorageReader", "HuggingFaceStorageWriter"),
    "torch.distributed.fsdp": ("CPUOffloadPolicy", "MixedPrecisionPolicy"),
    "torch._dynamo._trace_wrapped_higher_order_op": ("TransformGetItemToIndex",),
}
"""Module -> the functions and classes that the libraries import from it at their start."""

STAYING: Mapping[str, tuple[str, ...]] = {
    "peft": ("PeftModel",),
    "peft.tuners.tuners_utils": ("BaseTunerLayer",),
    "scipy.integrate": (),
    "scipy.stats": (),
}
"""The same of modules that they import later too: with a pipeline, a scheduler, or in the call of a denoiser."""

ASKING = (
    "transformers.masking_utils",
    "transformers.modeling_utils",
    "diffusers.hooks.layerwise_casting",
    "diffusers.models.modeling_utils",
    "diffusers.loaders.lora_base",
)
"""Modules that import them, and that every pipeline needs."""

OLD_TORCHAO, ABSENT = "torchao.dtypes", "torchao.dtypes.uintx.uintx_layout"
"""diffusers imports both, for files that hold pickled tensors; where the second is absent, it gives up on the first."""

SWITCH = "VGPIPE_LEAN_IMPORTS"
"""Environment variable: `0` has everything imported, as diffusers and transformers do it themselves."""

_once = threading.Lock()
_is_prepared = False


def prepare() -> None:
    """Imports the base of diffusers and transformers without what they rarely use; only the first call does anything.

    Raises nothing: what cannot be imported is imported again, and fails, where it is needed.
    """
    global _is_prepared
    with _once:
        if _is_prepared:
            return
        _is_prepared = True
        if os.environ.get(SWITCH) == "0" or is_imported("diffusers") or is_imported("transformers"):
            return  # or by the program that runs vgpipe, with all that they want
        with suppress(ImportError):
            import torch.distributed

            place(_compiler(torch))
            _place(STAYING)
            with _placed():
                for name in ASKING:
                    _try_to_import(name)


def _try_to_import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception as error:  # another version, or a library that does not fit: whoever needs it says so
        log.debug("%s: %s", name, error)


@contextmanager
def _placed() -> Iterator[None]:
    placed = _place(LATER)
    is_given_up = not is_imported(OLD_TORCHAO) and not _has(ABSENT, ())
    if is_given_up:
        sys.modules[OLD_TORCHAO] = None  # type: ignore[assignment]  # to the import system, a module that is missing
    try:
        yield
    finally:
        if is_given_up:
            del sys.modules[OLD_TORCHAO]
        for name in placed:
            remove(name)


def _place(modules: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Puts placeholders where the installed version has the names, and returns the names of their modules."""
    placed = [name for name, asked in modules.items() if not is_imported(name) and _has(name, asked)]
    for name in placed:
        place(Placeholder(name, {one: LaterName(name, one) for one in modules[name]}, USERS))
    return placed


def _has(name: str, asked: tuple[str, ...]) -> bool:
    """Says whether the installed version has a module that mentions some names; imports nothing."""
    package, *path = name.split(".")
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in (Path(folder, *path).with_suffix(".py"), Path(folder, *path, "__init__.py")):
            with suppress(OSError, UnicodeDecodeError):
                text = file.read_text("utf-8")
                return all(re.search(rf"\b{each}\b", text) for each in asked)
    return False


def _compiler(torch: Any) -> Placeholder:
    """Returns the placeholder of torch's compiler, with what libraries mark their functions with."""
    allowed: list[Any] = []

    def allow_in_graph(fn: Any) -> Any:
        allowed.extend(fn if isinstance(fn, list | tuple) else [fn])
        return fn

    def on_import(compiler: Any) -> None:
        for fn in allowed:
            compiler.allow_in_graph(fn)

    frames = f"{COMPILER}.eval_frame"
    names = {
        "allow_in_graph": allow_in_graph,
        "assume_constant_result": _assume_constant_result,
        "disable": _disable,
        "eval_frame": Placeholder(frames, {"OptimizedModule": LaterName(frames, "OptimizedModule")}),
        "is_compiling": lambda: torch.compiler.is_compiling(),
    }
    return Placeholder(COMPILER, names, on_import=on_import)


def _assume_constant_result(fn: Any) -> Any:
    fn._dynamo_marked_constant = True
    return fn


def _disable(fn: Any = None, recursive: bool = True, **options: Any) -> Any:
    """Keeps the compiler out of a function, as `torch.compiler.disable` does, from when there is a compiler."""
    if fn is None:
        return functools.partial(_disable, recursive=recursive, **options)
    if not inspect.isfunction(fn):
        return importlib.import_module(f"{COMPILER}.decorators").disable(fn, recursive, **options)
    disabled: list[Callable[..., Any]] = []

    @functools.wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        if not is_imported(COMPILER):
            return fn(*args, **kwargs)
        if not disabled:
            disabled.append(importlib.import_module(COMPILER).disable(fn, recursive, **options))
        return disabled[0](*args, **kwargs)

    return run
