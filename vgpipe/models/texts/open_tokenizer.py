"""Opens a tokenizer of a checkpoint as the pipeline has it, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vgpipe.models.text_reader import TextReader
from vgpipe.models.texts.cutting import Found, Passage, cuts_in
from vgpipe.models.weights.byte_level_tokenizers import as_saved

MARK = "\x01"


def open_tokenizer(class_name: str, place: Path, reader: TextReader) -> Any:
    """Opens a tokenizer; raises whatever its class raises.

    Args:
        class_name: its class in transformers, checked already.
        place: its folder.
        reader: how it is used.
    """
    import transformers

    from vgpipe.models.checkpoint.allowed_classes import tokenizer_of
    from vgpipe.models.checkpoint.installed_classes import OLDER_NAMES
    from vgpipe.models.weights.load_component import fitting_class

    class_name = tokenizer_of(class_name, place)
    loader = getattr(transformers, class_name, None) or getattr(transformers, OLDER_NAMES[class_name])
    found = fitting_class(loader, place).from_pretrained(str(place), local_files_only=True, trust_remote_code=False)
    return as_saved(found, place) if reader.as_saved else found


def cuts_of(tokenizer: Any, reader: TextReader, texts: list[str]) -> list[Found | None]:
    """Returns where each text is cut; None for those that are read to the end.

    Args:
        tokenizer: opened.
        reader: how it is used.
        texts: in the reader's form.
    """
    before, after = reader.before, reader.after
    if reader.system is not None:
        before, after = _chat(tokenizer, reader.system)
    limit = reader.limit if reader.limit is not None else int(tokenizer.model_max_length)
    room = len(tokenizer.encode(before)) if reader.has_room_before else 0
    passages = [Passage(f"{before}{text}{after}", len(before), len(before) + len(text)) for text in texts]
    return cuts_in(tokenizer, passages, limit + reader.crop + room, adds_special=reader.system is None)


def _chat(tokenizer: Any, system: str) -> tuple[str, str]:
    chat = [{"role": "system", "content": system}, {"role": "user", "content": MARK}]
    before, _, after = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False).partition(MARK)
    return before, after
