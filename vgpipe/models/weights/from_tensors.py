"""Builds a component from tensors that were read before, where its class cannot read their files itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.safetensors_files import TensorFacts, tensors_in
from vgpipe.models.weights import scales
from vgpipe.models.weights.pretrained import default_dtype, dtype_keyword, no_code, refuse_misfit

if TYPE_CHECKING:
    import torch

PREFIXES = ("", "model.diffusion_model.", "diffusion_model.", "transformer.", "first_stage_model.", "vae.")
"""What other tools put before the class's own names."""


def build(loader: Any, config: Path, paths: list[Path], dtype: torch.dtype) -> Any:
    """Builds a module of weight files with scales, or of a single file in any layout that diffusers converts.

    Args:
        loader: its class in diffusers or transformers.
        config: folder with its config.json.
        paths: its safetensors files.
        dtype: torch dtype of the weights; what the class keeps in float32 stays in that.

    Returns:
        The module, on the CPU.

    Raises:
        ModelError: where the files' layout is not understood.
        ValueError: where the files leave weights unfilled, or hold others.
    """
    if not loader.__module__.startswith("diffusers"):
        return _of_transformers(loader, config, paths, dtype)
    return _of_diffusers(loader, config, paths, dtype)


def _of_transformers(loader: Any, config: Path, paths: list[Path], dtype: torch.dtype) -> Any:
    import torch

    kept = (loader._keep_in_fp32_modules or ()) if dtype == torch.float16 else ()
    tensors = scales.read(paths, lambda name: torch.float32 if _is_of(name, kept) else dtype)
    module, info = loader.from_pretrained(
        None,
        config=loader.config_class.from_pretrained(str(config), local_files_only=True),
        state_dict=tensors,
        output_loading_info=True,
        **{dtype_keyword(loader): dtype},
        **no_code(loader),
    )
    refuse_misfit(info, module)
    return module


def _of_diffusers(loader: Any, config: Path, paths: list[Path], dtype: torch.dtype) -> Any:
    import torch

    settings = loader.load_config(str(config), local_files_only=True)
    with default_dtype(dtype):
        module = empty(loader, settings)
    expected = module.state_dict()
    facts = {name: one for path in paths for name, one in tensors_in(path).items()}
    names = set(scales.names_of(facts))
    prefix = next((one for one in PREFIXES if {one + name for name in expected} <= names), None)
    conversion = conversion_of(loader) if prefix is None else None
    if prefix is None and conversion is None:
        raise ModelError(
            f"its tensors are not named as {loader.__name__} names them, and diffusers converts no other names to "
            "those -> take the weights from a checkpoint in diffusers layout"
        )
    kept = loader._keep_in_fp32_modules or ()
    new_names = _renamed(conversion, settings, facts) if conversion else {}
    tensors = scales.read(paths, lambda name: torch.float32 if _is_of(new_names.get(name, name), kept) else dtype)
    if conversion:
        tensors = conversion(config=dict(settings), checkpoint=tensors)
    elif prefix:
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    wrong = sorted(name for name in set(tensors) & set(expected) if tensors[name].shape != expected[name].shape)
    _refuse(expected, tensors, wrong, module)
    module.load_state_dict({name: tensors[name] for name in expected}, assign=True)
    return module.to(dtype) if loader._keep_in_fp32_modules is None else module


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


def conversion_of(loader: Any) -> Any:
    """Returns what renames the tensors of the authors' layout to those of a class of diffusers; None where none does.

    Args:
        loader: the class.
    """
    import diffusers
    from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES as KNOWN

    for name, functions in KNOWN.items():
        if issubclass(loader, getattr(diffusers, name)):
            return functions["checkpoint_mapping_fn"]
    return None


def names_after_conversion(loader: Any, settings: Any, shapes: Mapping[str, tuple[int, ...]]) -> set[str]:
    """Returns the names that diffusers' conversion gives tensors; empty where there is none that takes them.

    Args:
        loader: the class.
        settings: its config.
        shapes: name -> shape, by the file.
    """
    import torch

    conversion = conversion_of(loader)
    given = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    try:
        return set(conversion(config=dict(settings), checkpoint=given)) if conversion else set()
    except Exception:  # a conversion may compute with values
        return set()


def _renamed(conversion: Any, settings: Any, facts: Mapping[str, TensorFacts]) -> dict[str, str]:
    """Returns name -> the class's own name, of the tensors that conversion only renames."""
    import torch

    empty = {name: torch.empty(facts[name].shape, device="meta") for name in scales.names_of(dict(facts))}
    names = {id(tensor): name for name, tensor in empty.items()}
    held = list(empty.values())  # the conversion takes them out, and an id is unique only while its object lives
    converted = conversion(config=dict(settings), checkpoint=empty)
    del held
    return {names[id(tensor)]: new for new, tensor in converted.items() if id(tensor) in names}


def _is_of(name: str, modules: Collection[str]) -> bool:
    return not set(modules).isdisjoint(name.split("."))
