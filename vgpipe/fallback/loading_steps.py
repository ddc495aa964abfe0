"""The steps of the loading ladder: ways to load a model, and which failure each fallback may help against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from vgpipe.clips.degradation import MODEL, Degradation
from vgpipe.clips.from_config import DENOISERS
from vgpipe.config.model_options import load_model
from vgpipe.config.model_schema import Dtype, ModelConfig
from vgpipe.config.schema import Config
from vgpipe.errors import LoadError, PrecisionError
from vgpipe.hardware import device_of, pick_device, supported_dtypes
from vgpipe.models.weights.precision import AUTO, FP16_VARIANT, dtypes_to_try
from vgpipe.vocabulary import ANY, STRICT

EMBEDDED_MODEL, EMBEDDED_ID = "shapes", "embedded:shapes"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One way to load a model.

    Attributes:
        config: the model, with its precision decided.
        degradations: what of it the user did not ask for.
        is_other_model: whether the clips must be fitted to another model.
        is_placeholder: whether it only shows that a clip belongs here.
    """

    config: ModelConfig
    degradations: tuple[Degradation, ...] = ()
    is_other_model: bool = False
    is_placeholder: bool = False


@dataclass(frozen=True, slots=True)
class LoadFallback:
    """A fallback from one way to load a model to another.

    Attributes:
        helps_against: errors that it may help against.
        next_plan: takes the plan so far and the reason; returns None where it changes nothing.
        is_other_model: whether it leaves the model that the user asked for.
    """

    helps_against: tuple[type[Exception], ...]
    next_plan: Callable[[LoadPlan, str], LoadPlan | None]
    is_other_model: bool = False


def first_plan(config: Config) -> LoadPlan:
    """Returns the plan that the user asked for, its precision decided for this device."""
    return LoadPlan(_decided(config.model, config))


def allowed_fallbacks(config: Config) -> list[LoadFallback]:
    """Returns the fallbacks that `run.degrade` allows, in order.

    Raises:
        ConfigError: where a fallback is no model option.
    """
    if config.run.degrade == STRICT:
        return []
    fallbacks = [LoadFallback((LoadError,), _to_plain_files)]
    if config.model.dtype == AUTO:
        fallbacks.append(LoadFallback((PrecisionError,), _to_float32_components))
    if not set(DENOISERS) & set(config.model.component_dtypes):  # typed for the denoiser itself
        wider = _dtypes(config.model, config)[1:]
        fallbacks += [LoadFallback((PrecisionError,), partial(_to_dtype, dtype)) for dtype in wider]
    if config.run.degrade == ANY:
        names = [*config.model.fallback, *([] if config.model.id == EMBEDDED_ID else [EMBEDDED_MODEL])]
        others = [_decided(load_model(name), config) for name in names]
        fallbacks += [LoadFallback((Exception,), partial(_to_model, other), is_other_model=True) for other in others]
    return fallbacks


def _to_plain_files(plan: LoadPlan, reason: str) -> LoadPlan | None:
    variant = FP16_VARIANT if plan.config.variant == AUTO else plan.config.variant
    if variant is None:
        return None
    degradation = Degradation("variant", variant, "the plain weight files", reason)
    return _degraded(plan, replace(plan.config, variant=None), degradation)


def _to_float32_components(plan: LoadPlan, reason: str) -> LoadPlan | None:
    halves = [name for name, dtype in plan.config.component_dtypes.items() if dtype == "float16"]
    if not halves:
        return None
    wider = _without_float16(plan.config)
    names = ", ".join(halves)
    return _degraded(plan, wider, Degradation("dtype", f"{names} float16", f"{names} float32", reason))


def _to_dtype(dtype: Dtype, plan: LoadPlan, reason: str) -> LoadPlan | None:
    wider = replace(_without_float16(plan.config), dtype=dtype)
    return _degraded(plan, wider, Degradation("dtype", plan.config.dtype, dtype, reason))


def _to_model(other: ModelConfig, plan: LoadPlan, reason: str) -> LoadPlan:
    earlier = next((one for one in plan.degradations if one.kind == MODEL), None)
    degradation = Degradation(MODEL, earlier.asked if earlier else plan.config.name, other.name, reason)
    return LoadPlan(other, (degradation,), is_other_model=True, is_placeholder=other.id == EMBEDDED_ID)


def _degraded(plan: LoadPlan, config: ModelConfig, degradation: Degradation) -> LoadPlan:
    return replace(plan, config=config, degradations=(*plan.degradations, degradation))


def _decided(model: ModelConfig, config: Config) -> ModelConfig:
    return with_precision(model, _supported(config) if model.dtype == AUTO else ())


def with_precision(model: ModelConfig, supported: Sequence[str]) -> ModelConfig:
    """Returns a model with its precision decided.

    Args:
        model: its config.
        supported: precisions that the device computes correctly in; not used where the user typed a precision.
    """
    dtype = cast(Dtype, dtypes_to_try(model.dtype, model.safe_dtypes, supported)[0])
    found = replace(model, dtype=dtype)
    if model.dtype == AUTO and "float16" not in supported:  # bfloat16 is slow where it is emulated, but correct
        return _without_float16(found)
    return found


def _without_float16(model: ModelConfig) -> ModelConfig:
    wider = {name: "float32" if dtype == "float16" else dtype for name, dtype in model.component_dtypes.items()}
    return replace(model, component_dtypes=cast(dict[str, Dtype], wider))


def _dtypes(model: ModelConfig, config: Config) -> list[Dtype]:
    supported = _supported(config) if model.dtype == AUTO else ()
    return cast(list[Dtype], dtypes_to_try(model.dtype, model.safe_dtypes, supported))


def _supported(config: Config) -> tuple[str, ...]:
    return supported_dtypes(device_of(pick_device(config.hardware.device)))
