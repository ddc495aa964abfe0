"""A weight file in the place of a model: which components of a checkpoint its parts are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.hub.files import PICKLE_SUFFIXES
from vgpipe.models.checkpoint.file_parts import OTHER_KIND, Part, Role, is_known, parts_in, size_in
from vgpipe.models.checkpoint.gguf_files import gguf_tensors
from vgpipe.models.checkpoint.outlines import options_for
from vgpipe.models.checkpoint.safetensors_files import TensorFacts, check_complete, tensors_in
from vgpipe.models.checkpoint.tensor_names import is_adapter
from vgpipe.typed import as_typed

GGUF, SAFETENSORS = ".gguf", ".safetensors"
EXPERTS = ("transformer", "transformer_2")
HIGH_NOISE, LOW_NOISE = (
    re.compile(r"high[_-]?noise|(^|[_-])high([_.-]|$)"),
    re.compile(r"low[_-]?noise|(^|[_-])low([_.-]|$)"),
)
WHERE = "model.single_file"
BY_ROLE = (
    # What a file is whose kind is not known, by its names.
    (Role.TEXT_ENCODER, re.compile(r"^(encoder\.block\.|shared\.|token_embedding\.|text_model\.|model\.layers\.)")),
    (Role.VAE, re.compile(r"^((en|de)coder\.|(post_)?quant_conv\.)")),
    (Role.DENOISER, re.compile(r"(^|\.)\w*blocks?\.\d+\.")),
)
NAMES = {Role.TEXT_ENCODER: ("text_encoder",), Role.VAE: ("vae",), Role.DENOISER: ("transformer", "unet")}


NO_WEIGHTS = ("tokenizer", "scheduler", "feature_extractor", "image_processor", "guider", "safety")


def header_of(path: Path) -> dict[str, TensorFacts]:
    """Returns name -> facts of the tensors of a weight file.

    Args:
        path: a safetensors or GGUF file.

    Raises:
        ModelError: where it is none, or not whole.
    """
    if path.suffix in PICKLE_SUFFIXES:
        raise ModelError(f"{path} holds pickled weights, which can run code and are never loaded -> take safetensors")
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file -> give a safetensors or GGUF file")
    try:
        if path.suffix == GGUF:
            return gguf_tensors(path)
        check_complete(path, path.name)
        return tensors_in(path)
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} cannot be read: {error} -> copy or download it again") from None


def components_in(path: Path, index: Mapping[str, Any], model: str) -> dict[str, Part]:
    """Returns the components of a checkpoint whose place the parts of a file take.

    Args:
        path: the file.
        index: what the checkpoint's model_index.json says.
        model: what the checkpoint is called, for messages.

    Raises:
        ModelError: where the file is of another model, naming both.
    """
    tensors = header_of(path)
    if is_adapter(tensors):
        remedy = f"leave it out, and type {as_typed('model.loras', [{'id': str(path)}])}"
        raise ModelError(f"{WHERE}: {path} is an adapter of weights (LoRA), no model -> {remedy}")
    classes = {
        name: entry[1]
        for name, entry in index.items()
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str)
    }
    parts = parts_in(tensors)
    found: dict[str, Part] = {}
    for part in parts:
        component = _component(part, classes, path, found)
        if component is not None:
            found[component] = part
    if not found:
        raise ModelError(f"{WHERE}: {path} {_not_of(parts[0], model, classes)}")
    return found


def _component(part: Part, classes: Mapping[str, str], path: Path, taken: Mapping[str, Part]) -> str | None:
    if part.kind is OTHER_KIND:
        role = next((role for role, mark in BY_ROLE if any(map(mark.search, part.tensors))), Role.OTHER)
        fitting = [name for name in NAMES.get(role, ()) if name in classes and not is_known(classes[name])]
        fitting = fitting or [name for name in NAMES.get(role, ()) if name in classes]
    else:
        fitting = [name for name, class_name in classes.items() if part.is_for(class_name)]
    fitting = [name for name in fitting if name not in taken]
    if set(EXPERTS) <= set(fitting):
        return expert_of(path)
    by_prefix = [name for name in fitting if part.prefix.startswith(f"{name}.")]
    return next(iter(by_prefix or fitting), None)


def expert_of(path: Path) -> str:
    """Returns which expert of a model with two a file is for, by its name.

    Raises:
        ModelError: where that does not say.
    """
    named = expert_named(path.name)
    if named is None:
        both = [as_typed(f"model.components.{one}.id", f"{noise}.safetensors") for one, noise in
                zip(EXPERTS, ("HIGH_NOISE", "LOW_NOISE"), strict=True)]  # fmt: skip
        raise ModelError(
            f"{WHERE}: {path} is one of two experts, and its name does not say which (high_noise, low_noise) -> leave "
            f"it out, and type {' '.join(both)}"
        )
    return named


def expert_named(name: str) -> str | None:
    """Returns the expert that a file's name speaks of: those for high and for low noise; None where it does not."""
    high, low = HIGH_NOISE.search(name.lower()), LOW_NOISE.search(name.lower())
    if bool(high) == bool(low):
        return None
    return EXPERTS[0] if high else EXPERTS[1]


def refuse_other_model(
    component: str, class_name: str, path: Path, part: Part, config_of: Callable[[], Mapping[str, Any]]
) -> None:
    """Refuses a file of another kind of model, or of another size, than a component is.

    Args:
        component: its name in model_index.json.
        class_name: in diffusers or transformers.
        path: the file.
        part: what of it the component would read.
        config_of: returns the component's config.

    Raises:
        ModelError: naming what the file is, what is wanted, and what to type.
    """
    parts = parts_in(part.tensors) if part.kind is OTHER_KIND else (part,)
    foreign = parts[0]
    if foreign.kind is OTHER_KIND:
        return
    if not foreign.is_for(class_name):
        if is_known(class_name):
            raise ModelError(f"{component}: {path} {_not_of(foreign, 'the checkpoint', {component: class_name})}")
        return
    if foreign.kind.role is not Role.DENOISER:
        return
    wanted = size_in(config_of())
    if part.size.differs(wanted):
        what = f"is a {part.kind.label} ({part.size}), and the checkpoint's has {wanted}"
        raise ModelError(f"{component}: {path} {what} -> {_other_options(part)}")


def _not_of(part: Part, model: str, classes: Mapping[str, str]) -> str:
    told = f" ({part.size})" if part.kind.role is Role.DENOISER and str(part.size) else ""
    own = {name: one for name, one in classes.items() if name.startswith(NAMES.get(part.kind.role, ()))} or classes
    named = " and ".join(f"{one} as {name}" for name, one in sorted(own.items()) if not name.startswith(NO_WEIGHTS))
    what = part.kind.label if part.kind is not OTHER_KIND else "file whose names are of no known model"
    return f"is a {what}{told}, and {model} takes {named} -> {_other_options(part)}"


def _other_options(part: Part) -> str:
    options = options_for(part) if part.kind.role is Role.DENOISER else ()
    if options:
        return " or ".join(as_typed("model", one) for one in options)
    return "give a file of this model, or choose the model that it is of"
