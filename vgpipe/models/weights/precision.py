"""Which precision and which weight files a model is loaded in."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.models.base import Settings
from vgpipe.models.weights.quantize import WITHOUT_WEIGHTS
from vgpipe.vocabulary import NATIVE

AUTO, WIDEST, NARROWEST = "auto", "float32", "float16"
SDPA, VAE = "sdpa", "vae"
RANGE_ORDER = ("float16", "bfloat16", "float32")
FP16_VARIANT = "fp16"


def dtypes_to_try(wanted: str, safe: Sequence[str], supported: Sequence[str]) -> list[str]:
    """Returns the precisions to load in, the first one first.

    Args:
        wanted: `auto`, or the precision that the user asked for, which is then the only one.
        safe: precisions that the model is known to work in, best first.
        supported: precisions whose arithmetic the device does soundly.

    Returns:
        At least one: for `auto` the first safe one that is supported, and those of them with more range or digits;
        float32, which every device does, where none is supported.
    """
    if wanted != AUTO:
        return [wanted]
    first, *others = [dtype for dtype in safe if dtype in supported] or ["float32"]
    wider = [dtype for dtype in others if RANGE_ORDER.index(dtype) > RANGE_ORDER.index(first)]
    return [first, *sorted(wider, key=RANGE_ORDER.index)]


def variant_for(wanted: str | None, dtype: str) -> str | None:
    """Turns `model.variant` into a variant: files of halved size only where the arithmetic has no more digits.

    Args:
        wanted: `auto`, a variant's name, or None for the plain files.
        dtype: precision that the weights are loaded in.
    """
    if wanted != AUTO:
        return wanted
    return FP16_VARIANT if dtype == "float16" else None


def remedy_for_overflow(settings: Settings, components: Sequence[str], text_encoders: Sequence[str] = ()) -> str:
    """Returns what may help where arithmetic gave numbers that are not finite, and is not in force already.

    Args:
        settings: how the model was loaded.
        components: those that ran, most important first.
        text_encoders: those that what ran was given the results of.
    """
    components = [name for name in components if not name.startswith(WITHOUT_WEIGHTS)]
    narrow = [name for name in components if settings.dtype_of(name) != WIDEST]
    if narrow:
        return f"a dtype with more range: {_widened(settings, narrow[0])}"
    found = [
        f"model.component_dtypes.{name}={WIDEST}" for name in text_encoders if settings.dtype_of(name) == NARROWEST
    ]
    found += [f"memory.weights.{name}={NATIVE}" for name in components if settings.quantization.get(name)]
    if VAE not in components:
        found += ["model.loras=[]"] if settings.loras else []
        found += [f"memory.attention={SDPA}"] if settings.attention not in (SDPA, "sliced") else []
        found += ["a lower clip.guidance_scale"]
    found += ["copy or download the weights again"]
    return f"it computes in {WIDEST} already: {', or '.join(found)}"


def _widened(settings: Settings, component: str) -> str:
    if component == VAE:
        return f"memory.vae_dtype={WIDEST}"  # the strongest of the keys for it
    if component in settings.component_dtypes:
        return f"model.component_dtypes.{component}={WIDEST}"
    return f"model.dtype={WIDEST}"
