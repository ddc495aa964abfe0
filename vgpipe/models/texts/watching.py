"""Sees what a pipeline gives to its tokenizers while it encodes, and what of it they cut off."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from vgpipe.models.text_reader import Cut, Form, TextReading
from vgpipe.models.texts.cutting import Found, Passage, cuts_in
from vgpipe.models.texts.forms import formed, place_of

TOKENIZER = "tokenizer"


@dataclass(frozen=True, slots=True)
class _Call:
    """A text that a tokenizer was given, to be cut to a length.

    Attributes:
        component: the tokenizer's.
        tokenizer: it.
        whole: the text, with any instructions around it.
        limit: tokens.
        adds_special: whether special tokens were added.
    """

    component: str
    tokenizer: Any
    whole: str
    limit: int
    adds_special: bool


@dataclass(slots=True)
class Watch:
    """What the tokenizers of a pipeline were given."""

    _calls: dict[tuple[str, str], _Call] = field(default_factory=dict)

    def note(self, call: _Call) -> None:
        """Keeps a call; the last of the same text counts."""
        self._calls[call.component, call.whole] = call

    def reading_of(self, text: str) -> TextReading:
        """Returns what was read of one text: by the calls whose text holds it.

        Where no call does, but all are of one text, that is what the pipeline has made of it.

        Args:
            text: as typed.
        """
        calls = list(self._calls.values())
        found = [_reading(call, place) for call in calls if (place := _place(call.whole, text)) is not None]
        if not found and len({call.whole for call in calls}) == 1:
            found = [_reading(call, (0, len(call.whole), Form.PLAIN)) for call in calls]
        cuts = [cut for cut, _ in found if cut is not None]
        same = "".join(one.same for _, one in found if one is not None) if found and len(cuts) == len(found) else ""
        return TextReading(tuple(cuts), len(found), hashlib.sha256(same.encode()).hexdigest()[:16] if same else "")


@contextmanager
def watched(components: Mapping[str, Any]) -> Iterator[Watch]:
    """Watches the tokenizers among some components; their results are unchanged.

    Args:
        components: by name.
    """
    watch = Watch()
    before = {name: type(one) for name, one in components.items() if name.startswith(TOKENIZER)}
    for name, own in before.items():
        components[name].__class__ = _seeing(own, name, watch)
    try:
        yield watch
    finally:
        for name, own in before.items():
            components[name].__class__ = own


def _seeing(own: type, component: str, watch: Watch) -> type:
    """Returns a subclass whose calls are noted; a call of the class is looked up on the class alone."""

    class Seeing(own):  # type: ignore[misc] # a class that is known only now
        def __call__(self, text: Any = None, *args: Any, **kwargs: Any) -> Any:
            result = super().__call__(text, *args, **kwargs)
            if kwargs.get("truncation") in (None, False, "do_not_truncate"):
                return result
            limit = kwargs.get("max_length") or self.model_max_length
            for one in [text] if isinstance(text, str) else text or ():
                if isinstance(one, str):
                    watch.note(_Call(component, self, one, int(limit), bool(kwargs.get("add_special_tokens", True))))
            return result

    Seeing.__name__, Seeing.__qualname__, Seeing.__module__ = own.__name__, own.__qualname__, own.__module__
    return Seeing


def _place(whole: str, text: str) -> tuple[int, int, Form] | None:
    """Returns where a tokenized text holds one that was typed, and in which form; None where it does not."""
    for form in Form:
        own = formed(text, form)
        for wanted in (own, own.strip()):
            start = whole.rfind(wanted)
            if wanted.strip() and start >= 0:
                return (start if whole[:start].strip() else 0), start + len(wanted), form
    return None


def _reading(call: _Call, place: tuple[int, int, Form]) -> tuple[Cut | None, Found | None]:
    start, end, form = place
    (found,) = cuts_in(call.tokenizer, [Passage(call.whole, start, end)], call.limit, adds_special=call.adds_special)
    if found is None:
        return None, None
    where, rest = place_of(call.whole[start:end], found.at)
    return Cut(call.component, found.read, found.of, where, rest, form), found
