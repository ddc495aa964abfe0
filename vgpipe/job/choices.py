"""Choices in a prompt: `{red|blue}`, and `__colour__`, a line of a list.

Their marks doubled are the text itself: `{{red|blue}}`, `____colour____`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

_EDGE = r"(?:[^\W_]|[/*.])"
_NAME = rf"{_EDGE}(?:[\w/*. -]*?{_EDGE})?"
_KEPT = r"\$\{(?:[^{}]|\{[^{}]*\})*\}"
_LISTS = rf"|____(?P<shown>{_NAME})____|(?<!\w)__(?P<list>{_NAME})__(?!\w)"
SAFE_NAME = re.compile(r"[^\W_](?:[\w-]*[^\W_])?(?:/[^\W_](?:[\w-]*[^\W_])?)*")
"""What the name of a list may be: letters, digits, - and _; / for subfolders."""


class Form(Enum):
    """How the braces of a text are read; the value finds its choices."""

    OF_JOB = re.compile(rf"{_KEPT}|\{{\{{|\}}\}}|\{{(?P<options>[^{{}}]*\|[^{{}}]*)\}}|\{{[^{{}}]*\}}{_LISTS}")
    """With places; `{{` and `}}` stay, since filling the places makes single braces of them."""
    TYPED = re.compile(
        rf"{_KEPT}|\{{\{{(?P<doubled>[^{{}}]*\|[^{{}}]*)\}}\}}|\{{(?P<options>[^{{}}]*\|[^{{}}]*)\}}{_LISTS}"
    )
    """Literal but for its choices, as on the command line."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a text.

    Attributes:
        options: the options of each `{a|b}`.
        lists: the names of its lists, those among the options too.
    """

    options: tuple[tuple[str, ...], ...]
    lists: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.options or self.lists)


def choices_of(text: str, form: Form) -> Choices:
    """Returns what is chosen in a text, in order."""
    if not _may_choose(text):
        return Choices((), ())
    options, lists = list[tuple[str, ...]](), list[str]()
    for match in form.value.finditer(text):
        if match["options"] is not None:
            options.append(tuple(match["options"].split("|")))
            lists += choices_of(match["options"], form).lists
        elif match["list"] is not None:
            lists.append(match["list"])
    return Choices(tuple(options), tuple(dict.fromkeys(lists)))


def resolved(text: str, form: Form, lists: Mapping[str, Sequence[str]], pick: Callable[[Sequence[str]], str]) -> str:
    """Returns a text with every choice made; what is chosen has choices of its own made.

    Args:
        text: the text as written.
        form: how it is read.
        lists: name -> its lines; they do not lead back to themselves.
        pick: chooses.

    Raises:
        KeyError: it names a list that is not in `lists`.
    """

    def made(match: re.Match[str]) -> str:
        if match["options"] is not None:
            return resolved(pick(match["options"].split("|")), form, lists, pick)
        if match["list"] is not None:
            line = resolved(pick(lists[match["list"]]), Form.TYPED, lists, pick)
            return line.replace("{", "{{").replace("}", "}}") if form is Form.OF_JOB else line
        if match["shown"] is not None:
            return f"__{match['shown']}__"
        doubled = match["doubled"] if form is Form.TYPED else None
        return match[0] if doubled is None else f"{{{doubled}}}"

    return form.value.sub(made, text) if _may_choose(text) else text


def as_literal(text: str) -> str:
    """Returns what is typed on the command line for a text that holds no choice, whatever it looks like."""

    def doubled(match: re.Match[str]) -> str:
        if match["options"] is not None or match["doubled"] is not None:
            return f"{{{match[0]}}}"
        return f"__{match[0]}__" if match["list"] or match["shown"] else match[0]

    return Form.TYPED.value.sub(doubled, text) if _may_choose(text) else text


class Picks:
    """Chooses for one text of one clip: by its seed, and by the text, so that texts of one seed differ.

    An option wins by a number of its own, so that an option more or less changes only what it wins or had won.

    Args:
        seed: of the clip.
        text: as written.
    """

    def __init__(self, seed: int, text: str):
        self._place = f"{seed} {text}"
        self._num_made = 0

    def __call__(self, options: Sequence[str]) -> str:
        """Returns one of some options; one that is there twice is twice as likely."""
        place = hashlib.sha256(f"{self._num_made} {self._place}".encode("utf-8", "surrogatepass"))
        self._num_made += 1
        met: Counter[str] = Counter()
        best, best_number = "", b""
        for option in options:
            met[option] += 1
            own = place.copy()
            own.update(f" {met[option]} {option}".encode("utf-8", "surrogatepass"))
            if (number := own.digest()) > best_number:
                best, best_number = option, number
        return best


def _may_choose(text: str) -> bool:
    return "__" in text or ("|" in text and "{" in text)
