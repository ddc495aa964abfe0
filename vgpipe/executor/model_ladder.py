"""The loading ladder: the ways in which a model may be loaded, from what was asked for downwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from vgpipe.config.model_options import load_model
from vgpipe.config.schema import Config, Dtype, ModelConfig
from vgpipe.errors import LoadError, ModelError, PrecisionError
from vgpipe.executor import prepare
from vgpipe.executor.work import Degradation
from vgpipe.hardware import device_of, pick_device, supported_dtypes
from vgpipe.models.precision import AUTO, dtypes_to_try, variant_for
from vgpipe.stages.keys import KeyMaker

log = logging.getLogger(__name__)

EMBEDDED_MODEL = "shapes"
WATERMARK = "PLACEHOLDER"
Cause = LoadError | PrecisionError


@dataclass(frozen=True, slots=True)
class Step:
    """One way to load a model.

    Attributes:
        config: precision and weight files are decided.
        degradations: what of it was not asked for.
        is_other_model: whether the clips must be fitted to it.
        is_placeholder: whether it only shows that a clip belongs here.
    """

    config: ModelConfig
    degradations: tuple[Degradation, ...] = ()
    is_other_model: bool = False
    is_placeholder: bool = False

    def open(self, store_dir: str) -> KeyMaker:
        """Opens the checkpoint and returns what names its artifacts; loads no weights.

        Raises:
            ModelError: where there is no such checkpoint, or not all of it.
        """
        return prepare.key_maker(self.config, store_dir, watermark=WATERMARK if self.is_placeholder else None)


class ModelLadder:
    """Hands out the steps that `run.degrade` allows, one after the other.

    Args:
        config: the whole config.
    """

    def __init__(self, config: Config):
        self._config = config
        self._steps = _steps(config)
        self._step: Step | None = None

    def first(self) -> tuple[Step, KeyMaker]:
        """Returns the first step whose checkpoint can be opened.

        Raises:
            ModelError: where none can; the first one's error.
        """
        found = self._next(None)
        if found is None:
            raise ModelError("no model can be opened")  # the first step's error was raised already
        return found

    def after(self, cause: Exception) -> tuple[Step, KeyMaker] | None:
        """Returns the next step that may help against a failure, None where there is none."""
        return self._next(cause)

    def _next(self, cause: Exception | None) -> tuple[Step, KeyMaker] | None:
        first_error: Exception | None = cause
        for step in self._steps:
            if isinstance(cause, PrecisionError) and self._is_no_help(step):
                continue
            told = _with_reason(step, first_error)
            try:
                opened = told.open(self._config.store.dir)
            except ModelError as error:
                if not isinstance(error, LoadError) and self._config.run.degrade != "any":
                    raise
                log.debug("%s cannot be opened: %s", step.config.name, error)
                first_error = first_error or error
                continue
            self._step = told
            return told, opened
        if cause is None and first_error is not None:
            raise first_error
        return None

    def _is_no_help(self, step: Step) -> bool:
        return self._step is not None and not step.is_other_model and step.config.dtype == self._step.config.dtype


def _steps(config: Config) -> Iterator[Step]:
    yield from _own_steps(config)
    if config.run.degrade != "any":
        return
    for name in [*config.model.fallback, *([] if config.model.name == EMBEDDED_MODEL else [EMBEDDED_MODEL])]:
        model = load_model(name)
        degradation = Degradation("model", config.model.name, name, "")
        yield Step(_decided(model, config), (degradation,), is_other_model=True, is_placeholder=name == EMBEDDED_MODEL)


def _own_steps(config: Config) -> Iterator[Step]:
    model = config.model
    dtypes = _dtypes(model, config)
    first = _decided(model, config)
    yield Step(first)
    if config.run.degrade == "strict":
        return
    without: tuple[Degradation, ...] = ()
    if first.variant is not None:
        without = (Degradation("variant", first.variant, "the plain weight files", ""),)
        yield Step(replace(first, variant=None), without)
    for dtype in dtypes[1:]:
        degradation = Degradation("dtype", dtypes[0], dtype, "")
        yield Step(replace(first, dtype=dtype, variant=None), (*without, degradation))


def _decided(model: ModelConfig, config: Config) -> ModelConfig:
    """Returns the model with its precision and weight files decided for this device."""
    dtype = _dtypes(model, config)[0]
    components = dict(model.component_dtypes)
    if model.dtype == AUTO and "float16" not in _supported(config):  # bfloat16 is slow where it is emulated, but sound
        components = {name: "float32" if one == "float16" else one for name, one in components.items()}
    return replace(model, dtype=dtype, component_dtypes=components, variant=variant_for(model.variant, dtype))


def _dtypes(model: ModelConfig, config: Config) -> list[Dtype]:
    supported = _supported(config) if model.dtype == AUTO else ()
    return cast(list[Dtype], dtypes_to_try(model.dtype, model.safe_dtypes, supported))


def _supported(config: Config) -> tuple[str, ...]:
    return supported_dtypes(device_of(pick_device(config.hardware.device)))


def _with_reason(step: Step, cause: Exception | None) -> Step:
    reason = str(cause) if cause is not None else ""
    return replace(step, degradations=tuple(replace(one, reason=reason) for one in step.degradations))
