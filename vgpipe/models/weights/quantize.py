"""Loads a component whose weights are stored in a lower precision than that of its arithmetic.

`int8` and `int4` are torchao's and `bnb_int8` and `nf4` bitsandbytes': both convert ordinary weights while loading.
`gguf` reads a file that was converted before. `fp8` converts what was loaded (`layerwise_cast.py`).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Collection, Iterable
from typing import Any

from packaging.version import Version

from vgpipe.errors import ConfigError, ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.checkpoint.gguf_files import refuse_odd_gguf
from vgpipe.models.weights import from_tensors
from vgpipe.models.weights.conversions import conversion_of
from vgpipe.models.weights.pretrained import dtype_keyword, no_code, refuse_misfit
from vgpipe.typed import as_typed
from vgpipe.vocabulary import BNB_INT8, FP8, GGUF, INT4, INT8, NF4

GGUF_FILE, SAFETENSORS_FILE = ".gguf", ".safetensors"
WITHOUT_WEIGHTS = ("tokenizer", "scheduler", "feature_extractor", "image_processor", "guider")
PACKAGES = {INT8: "torchao", INT4: "torchao", BNB_INT8: "bitsandbytes", NF4: "bitsandbytes", GGUF: "gguf"}
MIN_VERSIONS = {"torchao": "0.15", "bitsandbytes": "0.46.1", "gguf": "0.10"}
MADE_ON_DEVICE = frozenset({INT4, BNB_INT8, NF4})
# What store keys call a method, where it once was another that rounded differently: fp8 was torchao's, with scales.
NAMES_IN_KEYS = {FP8: "fp8_layerwise"}


def check(
    checkpoint: Checkpoint, settings: Settings, components: Iterable[str], decoders: Collection[str] = ()
) -> None:
    """Checks, without loading anything, that the chosen methods are available and that each has the files it needs.

    Args:
        checkpoint: the model's files.
        settings: the methods, the precision and the variant.
        components: those that will be loaded.
        decoders: those of them that are made of convolutions, which only fp8 stores in lower precision.

    Raises:
        ConfigError: naming the key of `memory.weights` and what to type.
        ModelError: naming the key of `model.components` and what to type.
    """
    loaded = tuple(components)
    refuse_unknown(settings.quantization, loaded)
    for component in loaded:
        method = _method(checkpoint, component, settings.quantization.get(component))
        if component in decoders and method not in (None, FP8):
            reason = f"{_key(component)}={method}: it stores linear layers, and a VAE is made of convolutions"
            raise ConfigError(f"{reason} -> {_key(component)}=fp8")
        if method == INT4 and settings.dtype_of(component) != "bfloat16":
            reason = f"torchao computes it in bfloat16 only, and the precision is {settings.dtype_of(component)}"
            key = _key(component)
            raise ConfigError(f"{key}={INT4}: {reason} -> model.dtype=bfloat16, or {key}=int8")


def refuse_unknown(named: Iterable[str], components: Iterable[str]) -> None:
    """Refuses names that are of no component with weights that will be loaded.

    Args:
        named: the keys of `memory.weights`.
        components: those that will be loaded.

    Raises:
        ConfigError: naming the key and what it may be.
    """
    known = sorted(name for name in components if not name.startswith(WITHOUT_WEIGHTS))
    unknown = sorted(set(named) - set(known))
    if unknown:
        reason = "there is no such component with weights"
        raise ConfigError(f"{_key(unknown[0])}: {reason} -> one of: {', '.join(known)}")


def name_in_keys(method: str | None) -> str | None:
    """Returns what stands for a method in store keys; None for native weights."""
    return NAMES_IN_KEYS.get(method, method) if method else None


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
        variant: which weight files to convert; ignored for GGUF.

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
    if method == INT8:
        chosen = _torchao(loader, method)
        return _load_converted(checkpoint, component, loader, chosen, dtype, variant=variant).to(device).eval()
    if not device.startswith("cuda") and (method == INT4 or is_of_diffusers(loader)):
        who = "torchao packs it" if method == INT4 else "diffusers quantises with bitsandbytes"
        key = _key(component)
        raise ModelError(
            f"{key}={method}: {who} on a GPU only, and the device is {device} -> {key}=int8, which needs torchao, or "
            f"{key}=fp8"
        )
    chosen = _torchao(loader, method) if method == INT4 else _bitsandbytes(loader, method, dtype)
    options: dict[str, Any] = {"variant": variant, "device_map": {"": device}}
    return _load_converted(checkpoint, component, loader, chosen, dtype, **options).eval()


def _method(checkpoint: Checkpoint, component: str, method: str | None) -> str | None:
    """Returns the method of a component, GGUF where its file is one, and refuses what cannot work."""
    file = checkpoint.source(component).file
    key = _key(component)
    if file and not file.endswith((GGUF_FILE, SAFETENSORS_FILE)):
        raise ModelError(
            f"model.components.{component}.file: {file} is neither a safetensors nor a GGUF file -> give one of these, "
            "or a folder"
        )
    is_gguf = bool(file) and str(file).endswith(GGUF_FILE)
    if is_gguf and method not in (None, GGUF):
        raise ConfigError(f"{key}={method}: {file} is quantised already -> {key}=native")
    if method not in (None, FP8, GGUF) and (file or checkpoint.scales(component)):
        what = f"{file} is a single file" if file else "its files are stored in 8 bits, with scales"
        raise ConfigError(f"{key}={method}: {what}, and only the libraries' own files are converted -> {key}=fp8")
    if method == GGUF and not is_gguf:
        typed = as_typed(f"+model.components.{component}", {"id": "FOLDER_OR_REPO", "file": "NAME.gguf"})
        raise ConfigError(f"{key}=gguf: nothing says which file -> {typed}")
    chosen = GGUF if is_gguf else method
    if chosen in PACKAGES:
        _require(PACKAGES[chosen], f"{key}={chosen}")
    return chosen


def _require(package: str, wish: str) -> None:
    remedy = f'pip install "vgpipe[{package}]"'
    if importlib.util.find_spec(package) is None:
        raise ConfigError(f"{wish}: needs the package {package} -> {remedy}")
    version = importlib.metadata.version(package)
    if Version(version) < Version(MIN_VERSIONS[package]):
        raise ConfigError(
            f"{wish}: needs {package} {MIN_VERSIONS[package]} or newer, and {version} is installed -> {remedy}"
        )


def _load_converted(
    checkpoint: Checkpoint, component: str, loader: Any, chosen: Any, dtype: Any, **options: Any
) -> Any:
    module, info = loader.from_pretrained(
        str(checkpoint.source(component).place),
        output_loading_info=True,
        use_safetensors=True,
        local_files_only=True,
        quantization_config=chosen,
        **{dtype_keyword(loader): dtype},
        **no_code(loader),
        **options,
    )
    refuse_misfit(info, module)
    return module


def _torchao(loader: Any, method: str) -> Any:
    import diffusers
    from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig

    if Version(diffusers.__version__) < Version("0.36"):  # it knows torchao's methods by other names
        raise ModelError("int8 and int4 need diffusers 0.36 or newer -> pip install -U diffusers")
    if method == INT8:
        return _library(loader).TorchAoConfig(Int8WeightOnlyConfig())
    # The one packing that torch's own kernel multiplies with; the default needs a package of its own.
    return _library(loader).TorchAoConfig(Int4WeightOnlyConfig(int4_packing_format="tile_packed_to_4d"))


def _bitsandbytes(loader: Any, method: str, dtype: Any) -> Any:
    config = _library(loader).BitsAndBytesConfig
    if method == BNB_INT8:
        return config(load_in_8bit=True)
    return config(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def _load_gguf(checkpoint: Checkpoint, component: str, loader: Any, dtype: Any) -> Any:
    from diffusers import GGUFQuantizationConfig
    from diffusers.models.model_loading_utils import load_gguf_checkpoint

    source = checkpoint.source(component)
    path = source.folder / (source.file or "")
    refuse_odd_gguf(path)
    conversion = conversion_of(loader)
    if not hasattr(loader, "from_single_file") or conversion is None:
        raise ModelError(_not_from_gguf(loader, component))
    part, settings = checkpoint.part(component), checkpoint.config(component)
    expected = from_tensors.empty(loader, settings).state_dict()
    given = from_tensors.after_conversion(loader, settings, part.tensors, expected)
    if given is not None:
        refuse_misfit(
            {"missing_keys": set(expected) - set(given), "unexpected_keys": set(given) - set(expected)},
            from_tensors.empty(loader, settings),
        )
    tensors = {name.removeprefix(part.prefix): tensor for name, tensor in load_gguf_checkpoint(path).items()}
    if not set(expected) <= set(tensors):  # here, as what diffusers converts by itself has no prefix
        tensors = conversion(settings, tensors)
    module = loader.from_single_file(
        tensors,
        config=str(checkpoint.folder),
        subfolder=component,
        quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
        torch_dtype=dtype,
        local_files_only=True,
    )
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
    return f"memory.weights.{component}"


def is_of_diffusers(loader: Any) -> bool:
    """Returns whether a class is one of diffusers, and not of transformers."""
    return bool(loader.__module__.startswith("diffusers"))


def _library(loader: Any) -> Any:
    import importlib

    return importlib.import_module("diffusers" if is_of_diffusers(loader) else "transformers")
