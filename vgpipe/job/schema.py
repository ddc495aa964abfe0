"""What each field of a job may hold, as pydantic models; messages quote their descriptions."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

MAX_CLIPS = 100_000
MAX_SHOTS = 1000
MAX_SEGMENTS = 200_000
Method = Literal["auto", "image", "frames", "window", "native"]
METHODS = get_args(Method)
"""How a long clip may be asked to go on; `auto` takes the best that the model has."""
MAX_PROMPT_CHARS = 20_000
MAX_SEED = 2**63 - 1
TEXT_REMEDY = "shorten it, or remove what cannot be seen"
OWN_FAULT = "vgpipe"
"""The type of the errors whose message is already in the words of this package."""


def text_fault(text: str) -> str | None:
    """Say what is wrong with a prompt or another text, or return None."""
    if not text.strip():
        return "is empty"
    if len(text) > MAX_PROMPT_CHARS:
        return f"has {len(text):,} characters; at most {MAX_PROMPT_CHARS:,} are allowed"
    if text.isprintable():
        return None
    bad = next((c for c in text if c not in "\t\n" and unicodedata.category(c) in ("Cc", "Cs")), None)
    return None if bad is None else f"holds the character U+{ord(bad):04X}, which no text may hold"


def _clean(text: Any) -> Any:
    fault = text_fault(text) if isinstance(text, str) else None
    if fault:
        raise PydanticCustomError(OWN_FAULT, "{fault}", {"fault": fault})
    return text.strip() if isinstance(text, str) else text


def _clean_or_empty(text: Any) -> Any:
    return "" if isinstance(text, str) and not text.strip() else _clean(text)


def _whole(value: Any) -> Any:
    """Take 8.0 for 8: spreadsheets and JSON writers make floats of whole numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _positive_zero(value: float) -> float:
    # -0.0 equals 0.0 but prints otherwise, so two equal clips would get two names.
    return value + 0.0


# Before pydantic's own check, which knows no place and no words for a lone surrogate.
Text = Annotated[str, BeforeValidator(_clean)]
OptionalText = Annotated[str, BeforeValidator(_clean_or_empty)]
Whole = Annotated[int, BeforeValidator(_whole)]
Seed = Annotated[Whole, Field(ge=0, le=MAX_SEED)]
Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_positive_zero)]
Size = Annotated[Whole, Field(ge=1, le=2**31)]


def _unset(description: str, **limits: Any) -> Any:
    """Describe a field that may be left out, but not be empty."""
    return Field(default=None, description=description, **limits)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SettingFields(_Strict):
    """The settings that a prompt, the job's `defaults` and the command line may give."""

    negative_prompt: OptionalText = _unset("a text")
    seed: Seed = _unset(f"a whole number from 0 to {MAX_SEED}")
    seeds: list[Seed] = _unset(f"a list of whole numbers from 0 to {MAX_SEED}", min_length=1, max_length=MAX_CLIPS)
    num_frames: Size = _unset("a whole number from 1")
    seconds: Number = _unset("a number above 0, at most 86400", gt=0, le=86_400)
    width: Size = _unset("a whole number of pixels")
    height: Size = _unset("a whole number of pixels")
    fps: Number = _unset("a number from 0.1 to 240", ge=0.1, le=240)
    num_inference_steps: Whole = _unset("a whole number from 1 to 1000", ge=1, le=1000)
    guidance_scale: Number = _unset("a number from 0 to 100", ge=0, le=100)
    image: Text = _unset("the path of an image file")
    continuation: Method = _unset(f"one of {', '.join(METHODS)}")
    segment_num_frames: Size = _unset("a whole number from 1")
    segment_num_inference_steps: Whole = _unset("a whole number from 1 to 1000", ge=1, le=1000)
    match_color: bool = _unset("true or false")


class ShotsFields(SettingFields):
    """One entry of the job that is told in shots; they and its matrix are checked by themselves."""

    id: Text = _unset("a text")
    shots: Any = _unset("a list of prompts")
    matrix: Any = _unset("names, each with a list of texts or numbers")


class PromptFields(ShotsFields):
    """One prompt of the job."""

    prompt: Text = Field(description="a text")


class ShotFields(_Strict):
    """One shot of an entry."""

    prompt: Text = Field(description="a text")
    num_frames: Size = _unset("a whole number from 1")
    seconds: Number = _unset("a number above 0, at most 86400", gt=0, le=86_400)
    cut: bool = _unset("true or false")


class OverrideFields(SettingFields):
    """The settings of `clip.*` on the command line."""

    prompt: Text = _unset("a text")


class JobFields(_Strict):
    """The top level of a YAML job; what is inside `defaults` and `prompts` is checked by itself."""

    name: Text = _unset("a text")
    defaults: Any = _unset("a mapping of settings")
    prompts: Any = Field(description="a list of prompts")


EXCLUSIVE = (("seed", "seeds"), ("num_frames", "seconds"))
"""Pairs of which one place may give only one."""


def description_of(model: type[BaseModel], field: str) -> str:
    """Return what a field may hold, in words."""
    return model.model_fields[field].description or "something else"


def cleaned(record: BaseModel) -> Mapping[str, Any]:
    """Return the fields that were given, as validated."""
    return {name: getattr(record, name) for name in record.model_fields_set}
