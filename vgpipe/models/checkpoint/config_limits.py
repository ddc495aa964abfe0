"""Refuses configs that ask for code or for more than any machine has, before anything is built of them.

The numbers here only keep loops and tables short enough to count what a config builds; that is then compared with the
weights on the disk (`vgpipe/models/weights/bounded_build.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from vgpipe.errors import ModelError

CODE_KEYS = ("auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code")
ATTENTION = re.compile(r"(attn|experts)_implementation(_internal)?$")
BUILT_IN = (None, "", "eager", "sdpa", "flex_attention")
# Older transformers open what these name in a tokenizer's config, wherever it is.
OPENED = re.compile(r"(?<!special_tokens_map)_file$|^(source|target)_spm$")
OPENED_TEXTS, OPENED_LISTS = ("vocab", "merges"), ("init_inputs", "audio_tokenizer")
REPEATED = re.compile(r"layers|blocks|depth|levels|stages|repeat|extra_ids")
NOT_REPEATED = re.compile(r"channels|dim|size|width|embed|theta")
UNLIMITED = re.compile(r"theta|max_length$|_id$|_ids$|seed")
MAX_REPEATED, MAX_NUMBER, MAX_ITEMS = 4096, 1 << 27, 100_000
# Of a schedule, and of a tokenizer's extra tokens: one number or string is kept for each.
MAX_OF_TABLES = 1_000_000
MAX_TOKENS = 1 << 20
NO_LIMIT = 10**20  # from here on transformers takes a `model_max_length` for none
NUMBERS_OF_FILES = {"scheduler_config.json": MAX_OF_TABLES, "tokenizer_config.json": MAX_OF_TABLES}
REMEDY = "choose another checkpoint"


def refuse_code(content: Mapping[str, Any], where: str) -> None:
    """Refuses a JSON file that has some loader import code, from the folder or from the hub.

    Args:
        content: of the file.
        where: the file, for messages.

    Raises:
        ModelError: naming the key.
    """
    for key, value in _entries(content):
        if key in CODE_KEYS and value:
            reason = f"{key} asks for Python code, and code of a checkpoint is never run"
            raise ModelError(f"{where}: {reason} -> {REMEDY}")
        named = value if isinstance(value, dict) else {"": value}  # of the model, or of each of its parts
        foreign = next((one for one in named.values() if one not in BUILT_IN), None) if ATTENTION.search(key) else None
        if foreign is not None:
            reason = f"{key}={foreign!r} asks for code by its name; only {', '.join(filter(None, BUILT_IN))} are taken"
            raise ModelError(f"{where}: {reason} -> take the key out, or {REMEDY}")


def refuse_other_files(content: Mapping[str, Any], where: str) -> None:
    """Refuses a JSON file that has some loader open files of its own choice.

    Args:
        content: of the file.
        where: the file, for messages.

    Raises:
        ModelError: naming the key.
    """
    for key, value in _entries(content):
        is_opened = OPENED.search(key) or (key in OPENED_TEXTS and content.get(key) is value)
        is_path = isinstance(value, str) and value and is_opened
        if is_path or (key in OPENED_LISTS and value):
            reason = f"{key} names a file or model that is read in place of the component's own"
            raise ModelError(f"{where}: {reason} -> take the key out, or {REMEDY}")


def refuse_extremes(content: Mapping[str, Any], where: str, file: str) -> None:
    """Refuses a config with a number or a list that no model has.

    Args:
        content: of the file.
        where: the file, for messages.
        file: its name, which says what its numbers mean.

    Raises:
        ModelError: naming the key, the number and the limit.
    """
    limit = NUMBERS_OF_FILES.get(file, MAX_NUMBER)
    for key, value in _entries(content):
        if isinstance(value, list | dict) and len(value) > MAX_ITEMS:
            raise ModelError(f"{where}: {key} has {len(value):,} items, at most {MAX_ITEMS:,} are read -> {REMEDY}")
        if isinstance(value, int) and not isinstance(value, bool):
            _refuse_beyond(key, value, _most(key, limit), where)


def _refuse_beyond(key: str, value: int, most: int | None, where: str) -> None:
    is_for_no_limit = key == "model_max_length" and value >= NO_LIMIT
    if most is None or -most <= value <= most or is_for_no_limit:
        return
    shown = str(value) if abs(value) < NO_LIMIT else "a number of more than 20 digits"
    raise ModelError(f"{where}: {key}={shown} is more than any model has (at most {most:,}) -> {REMEDY}")


def _most(key: str, limit: int) -> int | None:
    if key == "model_max_length":
        return MAX_TOKENS
    if REPEATED.search(key) and not NOT_REPEATED.search(key):
        return MAX_REPEATED
    return None if UNLIMITED.search(key) else limit


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields every key of a JSON object with its value, at any depth; items of a list under the list's key."""
    left: list[tuple[str, Any]] = [(str(key), value) for key, value in content.items()]
    while left:
        key, value = left.pop()
        yield key, value
        if isinstance(value, dict):
            left += value.items()
        elif isinstance(value, list):
            left += ((key, one) for one in value)
