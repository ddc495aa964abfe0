"""The keys of the config that set what a clip is, made from the settings' declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WrapValidator

from vgpipe.job.declared import ClipSetting, set_by
from vgpipe.job.placements import MAX_PLACED, parse
from vgpipe.job.schema import Mark, or_words, placement
from vgpipe.job.settings import Marks, Placements, SetBy

T = TypeVar("T")
_REQUIRED: Any = object()


def with_settings(source: SetBy) -> Callable[[type[T]], type[T]]:
    """Returns a decorator that gives a class a field for each setting that `source` may set.

    A field is null where it sets nothing: on the command line always, in a quality preset where the model or nothing
    else gives the setting a value. A model must set what has no default.

    Args:
        source: who sets the fields of the class.
    """

    def add(owner: type[T]) -> type[T]:
        for declared in set_by(source):
            hint, default = _field(declared, source)
            owner.__annotations__[declared.name] = hint
            if default is not _REQUIRED:
                setattr(owner, declared.name, default)
        return owner

    return add


def _field(declared: ClipSetting, source: SetBy) -> tuple[Any, Any]:
    hint, default = _limited(declared, source), declared.default
    leaves_to_model = source is SetBy.QUALITY and (default is None or SetBy.MODEL in declared.setting.set_by)
    if source is SetBy.COMMAND_LINE or leaves_to_model or (default is None and declared.is_optional):
        return hint | None, None
    return hint, _REQUIRED if default is None else default


def _limited(declared: ClipSetting, source: SetBy) -> Any:
    setting = declared.setting
    if declared.type == Marks:
        return tuple[Mark, ...]
    if declared.type == Placements:
        given = dict[str, Annotated[str, Field(min_length=1)]]
        size = Field(min_length=1, max_length=MAX_PLACED)
        return Annotated[given, size, BeforeValidator(_by_frame), AfterValidator(_as_placements)]
    limits: dict[str, Any] = {"ge": setting.at_least, "gt": setting.above, "le": setting.at_most}
    if declared.type is float:
        limits["allow_inf_nan"] = False
    if declared.type is str and not setting.may_be_empty:
        limits["min_length"] = 1
    field = Field(**{name: limit for name, limit in limits.items() if limit is not None})
    if setting.words and source is SetBy.COMMAND_LINE:
        return Annotated[declared.type, field, WrapValidator(or_words(setting.words))]
    return Annotated[declared.type, field]


def _by_frame(value: object) -> object:
    """Returns images at frames as a mapping, also as a program or a run's record has them."""
    if isinstance(value, Mapping):
        return {str(frame): path for frame, path in value.items()}
    if isinstance(value, list | tuple):
        pairs = [parse(one) if isinstance(one, str) else None for one in value]
        return {str(pair[0]): pair[1] for pair in pairs if pair is not None} if all(pairs) else value
    return value


def _as_placements(given: dict[str, str]) -> tuple[str, ...]:
    """Returns a mapping as the placements that a job file has.

    Raises:
        PydanticCustomError: for a key that is no frame's number.
    """
    return tuple(placement(f"{frame}: {path}") for frame, path in given.items())
