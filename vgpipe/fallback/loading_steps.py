"""The single moves down the loading ladder, and what each may help against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from vgpipe.clips.clip_state import Degradation
from vgpipe.clips.from_config import DENOISERS
from vgpipe.config.model_options import load_model
from vgpipe.config.model_schema import Dtype, ModelConfig
from vgpipe.config.schema import Config
from vgpipe.errors import LoadError, PrecisionError
from vgpipe.hardware import device_of, pick_device, supported_dtypes
from vgpipe.models.weights.precision import AUTO, FP16_VARIANT, dtypes_to_try

EMBEDDED_MODEL, EMBEDDED_ID = "shapes", "embedded:shapes"


@dataclass(frozen=True, slots=True)
class Step:
    """One way to load a model.

    Attributes:
        config: with its precision decided.
        degradations: what of it was not asked for.
        is_other_model: whether the clips must be fitted to it.
        is_placeholder: whether it only shows that a clip belongs here.
    """

    config: ModelConfig
    degradations: tuple[Degradation, ...] = ()
    is_other_model: bool = False
    is_placeholder: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A move from one way to load a model to another.

    Attributes:
        helps: errors that it may help against.
        make: takes the step so far and the reason; None where it changes nothing.
        is_other_model: whether it leaves the model that was asked for.
    """

    helps: tuple[type[Exception], ...]
    make: Callable[[Step, str], Step | None]
    is_other_model: bool = False


def asked(config: Config) -> Step:
    """Returns the way that was asked for, its precision decided for this device."""
    return Step(_decided(config.model, config))


def allowed(config: Config) -> list[Move]:
    """Returns the moves that `run.degrade` allows, in order.

    Raises:
        ConfigError: where a fallback is no model option.
    """
    if config.run.degrade == "strict":
        return []
    moves = [Move((LoadError,), _to_plain_files)]
    if config.model.dtype == AUTO:
        moves.append(Move((PrecisionError,), _to_float32_components))
    if not set(DENOISERS) & set(config.model.component_dtypes):  # typed for the denoiser itself
        moves += [Move((PrecisionError,), partial(_to_dtype, dtype)) for dtype in _dtypes(config.model, config)[1:]]
    if config.run.degrade == "any":
        names = [*config.model.fallback, *([] if config.model.id == EMBEDDED_ID else [EMBEDDED_MODEL])]
        others = [_decided(load_model(name), config) for name in names]
        moves += [Move((Exception,), partial(_to_model, other), is_other_model=True) for other in others]
    return moves


def _to_plain_files(step: Step, reason: str) -> Step | None:
    variant = FP16_VARIANT if step.config.variant == AUTO else step.config.variant
    if variant is None:
        return None
    degradation = Degradation("variant", variant, "the plain weight files", reason)
    return _further(step, replace(step.config, variant=None), degradation)


def _to_float32_components(step: Step, reason: str) -> Step | None:
    halves = [name for name, dtype in step.config.component_dtypes.items() if dtype == "float16"]
    if not halves:
        return None
    wider = _without_float16(step.config)
    names = ", ".join(halves)
    return _further(step, wider, Degradation("dtype", f"{names} float16", f"{names} float32", reason))


def _to_dtype(dtype: Dtype, step: Step, reason: str) -> Step | None:
    wider = replace(_without_float16(step.config), dtype=dtype)
    return _further(step, wider, Degradation("dtype", step.config.dtype, dtype, reason))


def _to_model(other: ModelConfig, step: Step, reason: str) -> Step:
    first = next((one for one in step.degradations if one.kind == "model"), None)
    degradation = Degradation("model", first.asked if first else step.config.name, other.name, reason)
    return Step(other, (degradation,), is_other_model=True, is_placeholder=other.id == EMBEDDED_ID)


def _further(step: Step, config: ModelConfig, degradation: Degradation) -> Step:
    return replace(step, config=config, degradations=(*step.degradations, degradation))


def _decided(model: ModelConfig, config: Config) -> ModelConfig:
    return decided(model, _supported(config) if model.dtype == AUTO else ())


def decided(model: ModelConfig, supported: Sequence[str]) -> ModelConfig:
    """Returns a model with its precision decided.

    Args:
        model: its config.
        supported: precisions that the device does soundly; of no account where the user typed one.
    """
    dtype = cast(Dtype, dtypes_to_try(model.dtype, model.safe_dtypes, supported)[0])
    found = replace(model, dtype=dtype)
    if model.dtype == AUTO and "float16" not in supported:  # bfloat16 is slow where it is emulated, but sound
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
