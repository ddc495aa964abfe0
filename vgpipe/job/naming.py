"""File names for clips: readable, portable, and unique by a digest."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping

MAX_ID_BYTES = 80
MAX_STEM_BYTES = 250
"""Of a name that the user gives: with the suffix of a file 255, the most that file systems take."""
UNSAFE = frozenset('\\/:*?"<>|')
DIGEST_DIGITS = 8
FALLBACK = "clip"

# Windows reserves these names for devices, in any case; superscript digits count as digits there.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}

# Letters and marks that show nothing: two names that differ only in them look the same, and some file
# systems compare them as equal.
_INVISIBLE = {
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0,
    *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0),
}  # fmt: skip


def slugify(text: str, max_bytes: int) -> str:
    """Turns any text into a readable file-name stem that is safe on Linux, macOS and Windows.

    Letters, marks and numbers of every script and "_" are kept, in lower case and NFC; every run of
    anything else becomes one "-".

    Args:
        text: any text, control characters and lone surrogates included.
        max_bytes: budget in bytes of UTF-8, at least 1.

    Returns:
        A non-empty stem of at most `max_bytes` bytes; `slugify` of it gives it back.

    Raises:
        ValueError: `max_bytes` is below 1.
    """
    if max_bytes < 1:
        raise ValueError(f"max_bytes is {max_bytes}; it must be at least 1")
    # A name is never longer than its budget, so the rest of a long prompt need not be folded.
    visible = "".join(c for c in text[: 8 * max_bytes] if not _is_invisible(c))
    kept = "".join(map(_portable, _fold(visible)))
    stem = _cut("-".join(filter(None, kept.split("-"))), max_bytes) or FALLBACK[:max_bytes]
    return _unreserved(stem, max_bytes)


def is_portable(character: str) -> bool:
    """Returns whether file names may hold a character on Linux, macOS and Windows."""
    return character not in UNSAFE and character.isprintable() and not _is_invisible(character)


def safe_stem(text: str) -> str:
    """Turns a text into a stem that is safe on Linux, macOS and Windows and stays as close to it as it can.

    Each character that no file name may hold becomes "_", and so does a "-" or "." at the start, which a shell would
    take for an option or hide; blanks around it and full stops at its end are removed.
    """
    kept = "".join(one if is_portable(one) else "_" for one in unicodedata.normalize("NFC", text)).strip().rstrip(" .")
    stem = f"_{kept[1:]}" if kept.startswith(("-", ".")) else kept
    head = stem.partition(".")[0]
    return f"{head}_{stem[len(head) :]}" if head.strip().lower() in _RESERVED else stem or FALLBACK


def clip_id(stem_text: str, settings: Mapping[str, object], attempt: int = 0) -> str:
    """Names a clip after its text and the digest of its settings.

    Args:
        stem_text: the user's id or else the prompt.
        settings: every setting that makes the clip what it is.
        attempt: 0; 1 and up give other digests, for two clips that would share a name.

    Returns:
        "<slug>-<8 hex digits>", at most 80 bytes of UTF-8.
    """
    named = dict(settings) if attempt == 0 else {**settings, "attempt": attempt}
    text = json.dumps(named, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGEST_DIGITS]
    return f"{slugify(stem_text, MAX_ID_BYTES - DIGEST_DIGITS - 1)}-{digest}"


def _fold(text: str) -> str:
    """Folds case until nothing changes: composing after folding can bring back a foldable letter."""
    if text.isascii():
        return text.lower()
    for _ in range(4):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
        if folded == text:
            break
        text = folded
    return text


def _portable(character: str) -> str:
    return character if character == "_" or unicodedata.category(character)[0] in "LMN" else "-"


def _is_invisible(character: str) -> bool:
    return ord(character) in _INVISIBLE or unicodedata.category(character) == "Cf"


def _cut(stem: str, max_bytes: int) -> str:
    """Cuts to the budget between characters, and between words where that keeps half of it."""
    encoded = stem.encode("utf-8")
    if len(encoded) <= max_bytes:
        return stem
    whole = encoded[:max_bytes].decode("utf-8", "ignore")
    inside_word = stem[len(whole) : len(whole) + 1] != "-"
    words = whole.rpartition("-")[0]
    if inside_word and 2 * len(words) >= len(whole):
        return words.rstrip("-")
    return whole.rstrip("-")


def _unreserved(stem: str, max_bytes: int) -> str:
    if stem not in _RESERVED:
        return stem
    return f"{stem}_" if len(stem.encode()) < max_bytes else f"{stem[:-1]}_"
