"""What a plan says of the weight files and LoRAs of a model, by their headers alone."""

from __future__ import annotations

from math import prod

from vgpipe.models.base import Family
from vgpipe.models.checkpoint.file_parts import OTHER_KIND, Part, Role
from vgpipe.models.checkpoint.gguf_files import GGUF_TYPE
from vgpipe.models.checkpoint.single_file import EXPERTS, expert_named
from vgpipe.models.checkpoint.tensor_names import SCALED_DTYPES, SCALES
from vgpipe.models.weights.lora_summary import expert_hints, summary


def weight_notes(family: Family) -> tuple[str, ...]:
    """Returns a sentence for each single file and each LoRA.

    Args:
        family: drives the model.

    Raises:
        ModelError: where one cannot be read.
    """
    checkpoint, adapters = family.checkpoint, family.settings.loras
    local = [name for name in family.components() if (source := checkpoint.source(name)).file and source.repo is None]
    files = [
        f"model.components.{name}: {checkpoint.source(name).file}: {_told(checkpoint.part(name))}" for name in local
    ]
    hints = expert_hints(adapters, family.denoise_components(from_image=False))
    return (*files, *_lone_experts(family, local), *map(summary, adapters), *hints)


def _lone_experts(family: Family, local: list[str]) -> tuple[str, ...]:
    """Returns what to know of files named as one of two experts, where the model has a single denoiser."""
    denoisers = family.denoise_components(from_image=False)
    if set(EXPERTS) <= set(denoisers):
        return ()
    files = [str(family.checkpoint.source(name).file) for name in local if name in denoisers]
    return tuple(
        f"{one} is named as one of two experts (Wan 2.2 A14B), and this model has a single transformer: choose the "
        "option that has both"
        for one in files
        if expert_named(one) is not None
    )


def _told(part: Part) -> str:
    label = "weights" if part.kind is OTHER_KIND else part.kind.label
    size = f" ({part.size})" if part.kind.role is Role.DENOISER and str(part.size) else ""
    return f"{label}{size}, stored as {_stored(part)}"


def _stored(part: Part) -> str:
    sizes: dict[str, int] = {}
    for one in part.tensors.values():
        sizes[one.dtype] = sizes.get(one.dtype, 0) + prod(one.shape)
    most = max(sizes, key=lambda one: (sizes[one], one))
    is_scaled = most in SCALED_DTYPES and any(name.endswith(SCALES) for name in part.tensors)
    return most if most == GGUF_TYPE else f"{most}{' with scales' if is_scaled else ''}"
