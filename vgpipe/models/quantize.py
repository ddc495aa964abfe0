"""Loads a component whose weights are stored in fewer bits than its arithmetic has.

`int8` and `fp8` are torchao's and `bnb_int8` and `nf4` bitsandbytes': both convert ordinary weights while loading.
`gguf` reads a file that was converted before.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.version import Version

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint import Checkpoint
from vgpipe.models.pretrained import dtype_keyword, refuse_gaps

GGUF = "gguf"
PACKAGES = {"int8": "torchao", "fp8": "torchao", "bnb_int8": "bitsandbytes", "nf4": "bitsandbytes", GGUF: "gguf"}
LEAST = {"torchao": "0.15", "bitsandbytes": "0.46.1", "gguf": "0.10"}


def check(checkpoint: Checkpoint, methods: Mapping[str, str], components: Iterable[str]) -> None:
    """Proves, without loading anything, that the chosen methods can be had and that each has the files it needs.

    Args:
        checkpoint: the model's files.
        methods: component -> method.
        components: those that will be loaded; others are of no account.

    Raises:
        ModelError: naming the key and what to type.
    """
    for component in components:
        _method(checkpoint, component, methods.get(component))


def load_quantized(
    checkpoint: Checkpoint,
    component: str,
    loader: Any,
    method: str | None,
    dtype: Any,
    device: str,
    *,
    variant: str | None = None,
) -> Any:
    """Loads one module with quantised weights.

    Args:
        checkpoint: the model's files; those of the component are on the disk.
        component: its name in model_index.json.
        loader: its class in diffusers or transformers.
        method: a key of `PACKAGES`; None where only a GGUF file says it.
        dtype: torch dtype of the arithmetic, and of weights that stay as they are.
        device: torch device string.
        variant: which weight files to convert; of no account for GGUF.

    Returns:
        The module, in eval mode on `device`.

    Raises:
        ModelError: where the method cannot be had, on this device or with this component.
        ValueError: where the files leave weights unfilled.
    """
    method = _method(checkpoint, component, method)
    if method is None:
        raise ValueError(f"{component} is not to be quantised")
    if method == GGUF:
        return _load_gguf(checkpoint, component, loader, dtype).to(device).eval()
    if PACKAGES[method] == "torchao":
        chosen, options = _torchao(loader, method), {"variant": variant}
        return _load_converted(checkpoint, component, loader, chosen, dtype, **options).to(device).eval()
    if device == "cpu" and _is_of_diffusers(loader):
        raise ModelError(
            f"{_key(component)}={method}: diffusers quantises with bitsandbytes on a GPU only, and the device is cpu "
            f"-> {_key(component)}=int8, which needs torchao"
        )
    chosen = _bitsandbytes(loader, method, dtype)
    return _load_converted(
        checkpoint, component, loader, chosen, dtype, variant=variant, device_map={"": device}
    ).eval()


def _method(checkpoint: Checkpoint, component: str, method: str | None) -> str | None:
    """Returns the method of a component, GGUF where its file is one, and refuses what cannot work."""
    file = checkpoint.source(component).file
    key = _key(component)
    if file and not file.endswith(".gguf"):
        raise ModelError(f"model.components.{component}.file: {file} is no GGUF file -> give a folder, or a .gguf file")
    if file and method not in (None, GGUF):
        raise ModelError(f"{key}={method}: {file} is quantised already -> {key}=null")
    if method == GGUF and not file:
        raise ModelError(
            f"{key}=gguf: nothing says which file -> "
            f"+model.components.{component}={{id: FOLDER_OR_REPO, file: NAME.gguf}}"
        )
    chosen = GGUF if file else method
    if chosen:
        _require(PACKAGES[chosen], f"{key}={chosen}")
    return chosen


def _require(package: str, wish: str) -> None:
    remedy = f'pip install "vgpipe[{package}]"'
    if importlib.util.find_spec(package) is None:
        raise ModelError(f"{wish}: needs the package {package} -> {remedy}")
    version = importlib.metadata.version(package)
    if Version(version) < Version(LEAST[package]):
        raise ModelError(f"{wish}: needs {package} {LEAST[package]} or newer, and {version} is installed -> {remedy}")


def _load_converted(
    checkpoint: Checkpoint, component: str, loader: Any, chosen: Any, dtype: Any, **options: Any
) -> Any:
    module, told = loader.from_pretrained(
        str(checkpoint.source(component).place),
        output_loading_info=True,
        use_safetensors=True,
        local_files_only=True,
        quantization_config=chosen,
        **{dtype_keyword(loader): dtype},
        **options,
    )
    refuse_gaps(told)
    return module


def _torchao(loader: Any, method: str) -> Any:
    import diffusers
    from torchao.quantization import Float8WeightOnlyConfig, Int8WeightOnlyConfig

    if Version(diffusers.__version__) < Version("0.36"):  # it knows torchao's methods by other names
        raise ModelError("int8 and fp8 need diffusers 0.36 or newer -> pip install -U diffusers")
    return _library(loader).TorchAoConfig(Int8WeightOnlyConfig() if method == "int8" else Float8WeightOnlyConfig())


def _bitsandbytes(loader: Any, method: str, dtype: Any) -> Any:
    config = _library(loader).BitsAndBytesConfig
    if method == "bnb_int8":
        return config(load_in_8bit=True)
    return config(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def _load_gguf(checkpoint: Checkpoint, component: str, loader: Any, dtype: Any) -> Any:
    from diffusers import GGUFQuantizationConfig

    if not hasattr(loader, "from_single_file"):
        raise ModelError(_not_from_gguf(loader, component))
    source = checkpoint.source(component)
    try:
        module = loader.from_single_file(
            str(source.folder / (source.file or "")),
            config=str(checkpoint.folder),
            subfolder=component,
            quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
            torch_dtype=dtype,
            local_files_only=True,
        )
    except NotImplementedError:  # a weight that nothing filled cannot be put on a device
        raise ValueError("it lacks tensors that the model needs") from None
    except ValueError as error:
        if "FromOriginalModelMixin" in str(error):  # the class has the method, but diffusers knows no layout of it
            raise ModelError(_not_from_gguf(loader, component)) from None
        raise
    refuse_gaps({"missing_keys": [name for name, tensor in module.named_parameters() if tensor.is_meta]})
    refuse_packed_float32(module)
    return module


def refuse_packed_float32(module: Any) -> None:
    """Refuses quantised layers that must be float32: diffusers unpacks them from 0.39, before it fails at a step.

    Args:
        module: loaded from a GGUF file.

    Raises:
        ModelError: naming one of them.
    """
    kept = set(module._keep_in_fp32_modules or ())
    packed = [name for name, tensor in module.named_parameters() if hasattr(tensor, "quant_type")]
    wrong = [name for name in packed if kept.intersection(name.split("."))]
    if wrong:
        raise ModelError(
            f"a GGUF file with {wrong[0]} quantised, which must be float32, needs diffusers 0.39 -> "
            'pip install "diffusers>=0.39", or take a file that keeps it'
        )


def _not_from_gguf(loader: Any, component: str) -> str:
    return (
        f"model.components.{component}.file: {loader.__name__} is not loaded from a GGUF file -> "
        f"leave it out, and {_key(component)}=int8 or another method"
    )


def _key(component: str) -> str:
    return "model.quantization." + ("text_encoder" if component.startswith("text_encoder") else "transformer")


def _is_of_diffusers(loader: Any) -> bool:
    return bool(loader.__module__.startswith("diffusers"))


def _library(loader: Any) -> Any:
    import importlib

    return importlib.import_module("diffusers" if _is_of_diffusers(loader) else "transformers")
