"""Builds a component from tensors that were read before, where its class cannot read their files itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.file_parts import Part
from vgpipe.models.checkpoint.safetensors_files import TensorFacts, tensors_in
from vgpipe.models.weights import gguf_tensors, scales
from vgpipe.models.weights.conversions import conversion_of
from vgpipe.models.weights.pretrained import default_dtype, dtype_keyword, no_code, refuse_misfit

if TYPE_CHECKING:
    import torch


def build(loader: Any, config: Path, paths: list[Path], dtype: torch.dtype, part: Part | None = None) -> Any:
    """Builds a module of weight files with scales, or of a single file in any layout that is converted.

    Args:
        loader: its class in diffusers or transformers.
        config: folder with its config.json.
        paths: its safetensors files, or one GGUF file.
        dtype: torch dtype of the weights; what the class keeps in float32 stays in that.
        part: what of a single file is the module's own; None for all of it.

    Returns:
        The module, on the CPU.

    Raises:
        ModelError: where the files' layout is not understood.
        ValueError: where the files leave weights unfilled, or hold others.
    """
    if not loader.__module__.startswith("diffusers"):
        return _of_transformers(loader, config, paths, dtype, part)
    return _of_diffusers(loader, config, paths, dtype, part)


def _of_transformers(loader: Any, config: Path, paths: list[Path], dtype: torch.dtype, part: Part | None) -> Any:
    import torch

    kept = (loader._keep_in_fp32_modules or ()) if dtype == torch.float16 else ()
    conversion = conversion_of(loader)
    new_names = _renamed(conversion, {}, _facts(paths, part)) if conversion else {}
    tensors = _read(paths, lambda name: torch.float32 if _is_of(new_names.get(name, name), kept) else dtype, part)
    module, info = loader.from_pretrained(
        None,
        config=loader.config_class.from_pretrained(str(config), local_files_only=True),
        state_dict=conversion({}, tensors) if conversion else tensors,
        output_loading_info=True,
        **{dtype_keyword(loader): dtype},
        **no_code(loader),
    )
    refuse_misfit(info, module)
    return module


def _read(paths: list[Path], dtype_of: Callable[[str], torch.dtype], part: Part | None) -> dict[str, torch.Tensor]:
    if [path.suffix for path in paths] == [".gguf"]:
        return gguf_tensors.read(paths[0], dtype_of)
    return scales.read(paths, dtype_of, part)


def _facts(paths: list[Path], part: Part | None) -> dict[str, TensorFacts]:
    return dict(part.tensors) if part else {name: one for path in paths for name, one in tensors_in(path).items()}


def _of_diffusers(loader: Any, config: Path, paths: list[Path], dtype: torch.dtype, part: Part | None) -> Any:
    import torch

    settings = loader.load_config(str(config), local_files_only=True)
    with default_dtype(dtype):
        module = empty(loader, settings)
    expected = module.state_dict()
    facts = _facts(paths, part)
    is_own = set(expected) <= set(scales.names_of(facts))
    conversion = None if is_own else conversion_of(loader)
    if not is_own and conversion is None:
        raise ModelError(
            f"its tensors are not named as {loader.__name__} names them, and no other names are converted to "
            "those -> take the weights from a checkpoint in diffusers layout"
        )
    kept = loader._keep_in_fp32_modules or ()
    new_names = _renamed(conversion, settings, facts) if conversion else {}
    tensors = scales.read(paths, lambda name: torch.float32 if _is_of(new_names.get(name, name), kept) else dtype, part)
    if conversion:
        tensors = conversion(dict(settings), tensors)
    wrong = sorted(name for name in set(tensors) & set(expected) if tensors[name].shape != expected[name].shape)
    _refuse(expected, tensors, wrong, module)
    # A part of a tensor would keep all of it alive.
    module.load_state_dict({name: tensors[name].contiguous() for name in expected}, assign=True)
    # torch's own: that of diffusers warns of nothing.
    return torch.nn.Module.to(module, dtype) if loader._keep_in_fp32_modules is None else module


def empty(loader: Any, settings: Any) -> Any:
    """Returns a module of a class of diffusers without weights: its parameters are on the meta device.

    Args:
        loader: the class.
        settings: its config.
    """
    from accelerate import init_empty_weights

    with init_empty_weights():
        return loader.from_config(settings)


def _refuse(expected: Mapping[str, Any], given: Mapping[str, Any], wrong: list[str], module: Any) -> None:
    info = {
        "missing_keys": set(expected) - set(given),
        "mismatched_keys": wrong,
        "unexpected_keys": set(given) - set(expected),
    }
    refuse_misfit(info, module)


def after_conversion(
    loader: Any, settings: Any, facts: Mapping[str, TensorFacts], expected: Collection[str] = ()
) -> dict[str, tuple[int, ...]] | None:
    """Returns the names and shapes that tensors have under the class's own names.

    Args:
        loader: the class.
        settings: its config.
        facts: name -> facts, of a file's part.
        expected: the class's own names; where all of them are there, nothing is converted.

    Returns:
        Name -> shape; None where there is no conversion that takes them.
    """
    import torch

    given = {name: torch.empty(facts[name].shape, device="meta") for name in scales.names_of(dict(facts))}
    conversion = conversion_of(loader)
    if (expected and set(expected) <= set(given)) or conversion is None:
        return {name: tuple(one.shape) for name, one in given.items()}
    try:
        return {name: tuple(one.shape) for name, one in conversion(dict(settings), given).items()}
    except Exception:  # a conversion may compute with values, or want other tensors
        return None


def _renamed(conversion: Any, settings: Any, facts: Mapping[str, TensorFacts]) -> dict[str, str]:
    """Returns name -> the class's own name, of the tensors that conversion only renames."""
    import torch

    empty = {name: torch.empty(facts[name].shape, device="meta") for name in scales.names_of(dict(facts))}
    names = {id(tensor): name for name, tensor in empty.items()}
    held = list(empty.values())  # the conversion takes them out, and an id is unique only while its object lives
    converted = conversion(dict(settings), empty)
    del held
    return {names[id(tensor)]: new for new, tensor in converted.items() if id(tensor) in names}


def _is_of(name: str, modules: Collection[str]) -> bool:
    return not set(modules).isdisjoint(name.split("."))
