"""The fields of a job file as pydantic models; messages quote their descriptions."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WrapValidator, create_model
from pydantic_core import PydanticCustomError

from vgpipe.job import placements
from vgpipe.job.declared import SETTINGS, ClipSetting, set_by, spellings
from vgpipe.job.drafts import is_draft
from vgpipe.job.settings import MAX_BEST_OF, Marks, Placements, SetBy

MAX_CLIPS = 100_000
MAX_SHOTS = 1000
MAX_MARKS = 10
MAX_SEGMENTS = 200_000
MAX_PROMPT_CHARS = 20_000
TEXT_REMEDY = "shorten it, or remove what cannot be seen"
OWN_FAULT = "vgpipe"
"""The type of the errors whose message is already in the words of this package."""


def text_fault(text: str) -> str | None:
    """Returns what is wrong with a prompt or another text, or None."""
    if not text.strip():
        return "is empty"
    if len(text) > MAX_PROMPT_CHARS:
        return f"has {len(text):,} characters; at most {MAX_PROMPT_CHARS:,} are allowed"
    if text.isprintable():
        return None
    bad = next((c for c in text if c not in "\t\n" and unicodedata.category(c) in ("Cc", "Cs")), None)
    return None if bad is None else f"holds the character U+{ord(bad):04X}, which is not allowed"


def _clean(text: object) -> object:
    fault = text_fault(text) if isinstance(text, str) else None
    if fault:
        raise PydanticCustomError(OWN_FAULT, "{fault}", {"fault": fault})
    return text.strip() if isinstance(text, str) else text


def _clean_or_empty(text: object) -> object:
    return "" if isinstance(text, str) and not text.strip() else _clean(text)


def _whole(value: object) -> object:
    """Accepts 8.0 as 8: spreadsheets and JSON writers turn whole numbers into floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _positive_zero(value: float) -> float:
    # -0.0 equals 0.0 but prints otherwise, so two equal clips would get two names.
    return value + 0.0


# Before pydantic's own check, which knows no place and no words for a lone surrogate.
Text = Annotated[str, BeforeValidator(_clean)]
OptionalText = Annotated[str, BeforeValidator(_clean_or_empty)]
Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_positive_zero)]


def _mark(value: object) -> object:
    whole = _whole(value)
    if not is_draft(whole):
        raise PydanticCustomError("mark", "it is a number of steps from 1, or a share of them such as 40%")
    return whole


Mark = Annotated[Any, AfterValidator(_mark)]


def placement(value: object) -> str:
    """Returns an image at a frame as it is kept.

    Raises:
        PydanticCustomError: where it is none.
    """
    found = placements.parse(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("placement", "it is the number of a frame, a colon and the path of an image file")
    _clean(found[1])
    return placements.written(*found)


Placement = Annotated[Any, AfterValidator(placement)]


def _optional(description: str, **limits: Any) -> Any:
    """Returns a field that may be left out but not be empty."""
    return Field(default=None, description=description, **limits)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _setting(declared: ClipSetting) -> tuple[Any, Any]:
    """Returns the type and the field of a declared setting, which may be left out."""
    setting, hint = declared.setting, declared.type
    limits = {"ge": setting.at_least, "gt": setting.above, "le": setting.at_most}
    given: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
    if hint == list[int]:
        items = list[Annotated[Whole, Field(**given)]]
        return items, _optional(declared.allowed, min_length=1, max_length=MAX_CLIPS)
    if hint == Marks:
        return list[Mark], _optional(declared.allowed, min_length=1, max_length=MAX_MARKS)
    if hint == Placements:
        return Annotated[list[Placement], BeforeValidator(placements.listed)], _optional(
            declared.allowed, min_length=1, max_length=placements.MAX_PLACED
        )
    checked_as = {str: OptionalText if setting.may_be_empty else Text, int: Whole, float: Number}
    checked = checked_as.get(hint, hint)
    if setting.words:
        return Annotated[checked, Field(**given), WrapValidator(or_words(setting.words))], _optional(declared.allowed)
    return checked, _optional(declared.allowed, **given)


def or_words(words: tuple[str, ...]) -> Callable[[object, Callable[[object], object]], object]:
    """Returns a validator that also lets some words pass, in any case.

    Args:
        words: in lower case.
    """

    def validate(value: object, other: Callable[[object], object]) -> object:
        word = value.strip().lower() if isinstance(value, str) else ""
        return word if word in words else other(value)

    return validate


def _settings(declared: Iterable[ClipSetting]) -> dict[str, Any]:
    return {one.name: _setting(one) for one in declared}


SettingFields = create_model("SettingFields", __base__=_Strict, **_settings(set_by(SetBy.JOB)))
"""The settings that a prompt and the job's `defaults` may give."""
OverrideFields = create_model("OverrideFields", __base__=_Strict, **_settings(set_by(SetBy.COMMAND_LINE)))
"""The settings of `clip.*` on the command line."""
ShotsFields = create_model(
    "ShotsFields",
    __base__=SettingFields,
    id=(Text, _optional("a text")),
    shots=(object, _optional("a list of prompts")),
    matrix=(object, _optional("names, each with a list of texts or numbers")),
)
"""One entry of the job with several shots; they and its matrix are checked separately."""
PromptFields = create_model("PromptFields", __base__=ShotsFields, prompt=(Text, Field(description="a text")))
"""One prompt of the job."""
ShotFields = create_model(
    "ShotFields",
    __base__=_Strict,
    prompt=(Text, Field(description="a text")),
    cut=(bool, _optional("true or false")),
    **_settings(SETTINGS[name] for name in spellings("num_frames")),
)
"""One shot of an entry."""


_BEST_OF: Any = _setting(SETTINGS["best_of"])[0]
ContestFields = create_model(
    "ContestFields",
    __base__=_Strict,
    best_of=(_BEST_OF, Field(description=SETTINGS["best_of"].allowed, ge=1, le=MAX_BEST_OF)),
    keep=_setting(SETTINGS["best_of_keep"]),
    at=_setting(SETTINGS["best_of_at"]),
)
"""What stands under `seeds` where clips compete."""


class JobFields(_Strict):
    """The top level of a YAML job; what is inside `defaults` and `prompts` is checked separately."""

    name: Text = _optional("a text")
    defaults: object = _optional("a mapping of settings")
    prompts: object = Field(description="a list of prompts")


def description_of(model: type[BaseModel], field: str) -> str:
    """Returns what a field may hold, in words."""
    return model.model_fields[field].description or "something else"


def given_fields(record: BaseModel) -> Mapping[str, Any]:
    """Returns the fields that were given, as validated."""
    return {name: getattr(record, name) for name in record.model_fields_set}
