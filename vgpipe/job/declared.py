"""What is declared of each setting of a clip, for everything that derives from it."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from types import NoneType
from typing import Any, Literal

from vgpipe.job.settings import (
    BestOfSettings,
    ClipSettings,
    LongClipSettings,
    OtherSpellings,
    PlacedSettings,
    Placements,
    SetBy,
    Setting,
)


@dataclass(frozen=True, slots=True)
class ClipSetting:
    """A declared setting.

    Attributes:
        name: its name, in every place.
        type: of its value: str, int, float, bool, list[int], Marks, Placements or a Literal.
        setting: the rest of its declaration.
        default: its value where no source sets it; None where one must, or where another module decides.
        is_optional: whether a clip's record may lack it; such a setting is no part of a clip's id while it has its
            default, so that ids made before it was declared stay.
    """

    name: str
    type: Any
    setting: Setting
    default: object
    is_optional: bool

    @property
    def is_text(self) -> bool:
        """Whether it is written as a text in one line: one chosen from a list, a free one, or placements."""
        return self.type in (str, Placements) or self.is_choice

    @property
    def is_choice(self) -> bool:
        """Whether its value is one of a list of words."""
        return typing.get_origin(self.type) is Literal

    @property
    def is_list(self) -> bool:
        """Whether it holds several numbers."""
        return typing.get_origin(self.type) is list and self.type != Placements

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it may be; empty where it is no choice."""
        return typing.get_args(self.type) if self.is_choice else ()

    @property
    def allowed(self) -> str:
        """What it may hold, in words."""
        return " or ".join((self._values, *self.setting.words))

    @property
    def _values(self) -> str:
        if self.setting.allowed:
            return self.setting.allowed
        if self.is_choice:
            return f"one of {', '.join(self.choices)}"
        limits = f" from {self.setting.at_least:g} to {_number(self.setting.at_most)}" if self.setting.at_most else ""
        words = {str: "a text", bool: "true or false", int: f"a whole number{limits}", float: f"a number{limits}"}
        return words.get(self.type, f"a list of whole numbers{limits}")


def _number(value: float | None) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _declared(owner: type) -> Iterator[ClipSetting]:
    hints = typing.get_type_hints(owner, include_extras=True)
    for field in fields(owner):
        hint, setting = typing.get_args(hints[field.name])
        arms = [arm for arm in typing.get_args(hint) if arm is not NoneType]
        is_union = typing.get_origin(hint) not in (None, list, Literal)
        default = field.default if field.default is not MISSING else setting.if_unset
        bare = arms[0] if is_union else hint
        yield ClipSetting(field.name, bare, setting, default, field.default is not MISSING)


OWNERS = (ClipSettings, PlacedSettings, LongClipSettings, OtherSpellings, BestOfSettings)
SETTINGS = {one.name: one for owner in OWNERS for one in _declared(owner)}
"""Every setting by its name."""
OF_CLIP = tuple(field.name for field in fields(ClipSettings))
"""The settings that are fields of a clip."""
EXCLUSIVE = tuple((one.setting.spelling_of, one.name) for one in SETTINGS.values() if one.setting.spelling_of)
"""Pairs of spellings of which one place may give only one."""


def set_by(source: SetBy) -> tuple[ClipSetting, ...]:
    """Returns the settings that a source may set, in the order of their declaration."""
    return tuple(one for one in SETTINGS.values() if source in one.setting.set_by)


def names_set_by(source: SetBy) -> tuple[str, ...]:
    """Returns the names of the settings that a source may set."""
    return tuple(one.name for one in set_by(source))


def spellings(name: str) -> tuple[str, ...]:
    """Returns the names under which a setting can be written, its own first."""
    return (name, *(second for first, second in EXCLUSIVE if first == name))
