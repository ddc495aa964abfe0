"""How a pipeline gives a text to its tokenizers, and what of it they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Form(StrEnum):
    """What a pipeline makes of a text before it is tokenized."""

    PLAIN = "plain"
    CLEANED = "cleaned"
    """Mended by ftfy where that is installed, HTML entities resolved, white space collapsed."""
    LOWERED = "lowered"
    """In lower case, without white space around it."""
    QUOTED = "quoted"
    """The parts in quotation marks, alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReader:
    """One tokenizer of a pipeline.

    Attributes:
        tokenizer: its component.
        limit: tokens it reads of a text, special ones included, those of the instructions around it not; None leaves
            that to the tokenizer.
        form: what the pipeline makes of the text first.
        before: instructions before the text.
        after: what follows it.
        system: the system message of the chat that the text is put into; None where it is put into none.
        crop: tokens of the instructions, that are cut off again after encoding.
        has_room_before: whether the tokens of `before`, special ones included, do not count either.
        as_saved: whether the tokenizer is the one of its tokenizer.json, whatever its class makes of that.
    """

    tokenizer: str
    limit: int | None
    form: Form = Form.PLAIN
    before: str = ""
    after: str = ""
    system: str | None = None
    crop: int = 0
    has_room_before: bool = False
    as_saved: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A text that is longer than one tokenizer reads.

    Attributes:
        tokenizer: its component.
        read: tokens that it reads.
        of: tokens that the text has.
        place: where the text is cut: `word 12`.
        rest: how what is cut begins.
        form: what was tokenized of the text.
    """

    tokenizer: str
    read: int
    of: int
    place: str
    rest: str
    form: Form = Form.PLAIN


@dataclass(frozen=True, slots=True)
class TextReading:
    """What a model reads of one text.

    Attributes:
        cuts: of each tokenizer that does not read all of it.
        readers: how many tokenizers read it.
        same: digest of what they read; empty where one of them reads all. Texts that share it are one to the model.
    """

    cuts: tuple[Cut, ...] = ()
    readers: int = 1
    same: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Returns it as plain values."""
        return asdict(self)


def reading_of(values: object) -> TextReading | None:
    """Returns what `TextReading.to_plain` gave; None for anything else."""
    if not isinstance(values, Mapping):
        return None
    try:
        cuts = tuple(Cut(**{**one, "form": Form(one["form"])}) for one in values["cuts"])
        return TextReading(cuts, int(values["readers"]), str(values["same"]))
    except (KeyError, TypeError, ValueError):
        return None
