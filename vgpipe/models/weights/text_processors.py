"""The tokenizer of a processor of texts and images, for pipelines that give theirs texts alone.

The processor itself needs torchvision, which nothing of a text goes through.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.allowed_classes import PROCESSORS, tokenizer_of


class TextOfProcessor:
    """Is called as a processor is, and tokenizes as it does.

    Args:
        tokenizer: the processor's own.
    """

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer

    def __call__(self, text: Any = None, images: Any = None, videos: Any = None, **kwargs: Any) -> Any:
        """Returns the tokens of one text or of several.

        Args:
            text: one or a list of them.
            images: none.
            videos: none.
            kwargs: of the tokenizer.

        Raises:
            ModelError: where it is given images or videos.
        """
        if images is not None or videos is not None:
            raise ModelError("the pipeline gives its tokenizer images, and only texts are read -> choose another model")
        return self._tokenizer(text, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)


def is_processor(component: str, class_name: str) -> bool:
    """Returns whether a component is a processor in the place of a tokenizer."""
    return component.startswith("tokenizer") and class_name in PROCESSORS


def open_text_processor(class_name: str, place: Path) -> TextOfProcessor:
    """Opens the tokenizer of a processor's folder.

    Args:
        class_name: of the processor.
        place: the folder, vetted already.

    Raises:
        ModelError: where the folder names no tokenizer that is loaded.
    """
    import transformers

    loader = getattr(transformers, tokenizer_of(class_name, place))
    return TextOfProcessor(loader.from_pretrained(str(place), local_files_only=True, trust_remote_code=False))
