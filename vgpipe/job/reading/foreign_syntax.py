"""Notes on what other tools act on inside a prompt, and vgpipe reads as text."""

from __future__ import annotations

import re
from collections.abc import Callable

from vgpipe.job.faults import format_text
from vgpipe.typed import as_typed

_LORA = re.compile(r"<(?:lora|lyco|lycoris):(?P<name>[^<>:]+)(?::(?P<weight>-?\d*\.?\d+))?[^<>]*>", re.IGNORECASE)
_WEIGHT = re.compile(r"\([^()]*:\s*-?\d*\.?\d+\s*\)|\(\([^()]+\)\)|\[[^\[\]]*:[^\[\]]*:\s*\d*\.?\d+\s*\]")
_BULLET = re.compile(r"(?:\d{1,4}[.)]|[-*\u2022])\s")
_OPTION = re.compile(r"\s--(?:[whfdsngl]|fs|width|height|steps|seed|cfg_scale|negative_prompt)[\s=]")
_OTHER = re.compile(r"\[[^\[\]|]+(?:\|[^\[\]|]+)+\]|\bBREAK\b|\bembedding:\w|<(?:hypernet|embedding):", re.ASCII)
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u00ab": "\u00bb", "\u2018": "\u2019", "\u201e": "\u201c"}
_WEIGH = "weights such as (word:1.3) have no effect, and are read as text"
_ACT = "[a|b], BREAK, embedding:name and <hypernet:name> have no effect, and are read as text"
_NUMBER = "a number or dash before the prompt is read as part of it"
_QUOTE = "quotes around the prompt are read as part of it"
_OPTIONS = "options such as --w 832 are read as part of the prompt; only lines of a .txt have them"


def lora_fault(text: str) -> tuple[str, str] | None:
    """Returns what is wrong with a prompt that names a LoRA, and the remedy; None for any other."""
    match = _LORA.search(text) if "<" in text else None
    if match is None:
        return None
    lora: dict[str, object] = {"id": f"{match['name'].strip()}.safetensors"}
    if match["weight"]:
        lora["weight"] = float(match["weight"])
    what = f"{format_text(match[0])} in the prompt loads no LoRA"
    return what, f"remove it, and load the LoRA for the run: {as_typed('model.loras', [lora])}"


def note_foreign(text: str, note: Callable[[str], None]) -> None:
    """Notes what another tool would act on in a text.

    Args:
        text: a prompt or negative prompt.
        note: is given each note.
    """
    if (":" in text or "((" in text) and _WEIGHT.search(text):
        note(_WEIGH)
    if ("|" in text or "BREAK" in text or ":" in text) and _OTHER.search(text):
        note(_ACT)
    if " --" in text and _OPTION.search(text):
        note(_OPTIONS)
    if not text[:1].isalpha():
        if _BULLET.match(text):
            note(_NUMBER)
        elif len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
            note(_QUOTE)
