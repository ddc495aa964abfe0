"""Byte-level tokenizers saved under the name of Llama's class.

transformers 5 builds every `LlamaTokenizerFast` with Llama 2's word boundaries, whatever its tokenizer.json says; one
of Llama 3 then drops every space without a word (github.com/huggingface/transformers/issues/45488).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE, MARK = "tokenizer.json", "ByteLevel"


def as_saved(tokenizer: Any, place: Path) -> Any:
    """Returns the tokenizer that a folder describes.

    Args:
        tokenizer: what its class made of the folder.
        place: the folder.

    Returns:
        `tokenizer` itself, or, where it splits text otherwise than its tokenizer.json, the one of that file.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or not (place / FILE).is_file() or _is_byte_level(backend.to_str()):
        return tokenizer
    if not _is_byte_level((place / FILE).read_text("utf-8")):
        return tokenizer
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(str(place), local_files_only=True, trust_remote_code=False)


def _is_byte_level(description: str) -> bool:
    return MARK in json.dumps(json.loads(description).get("pre_tokenizer"))
