"""Fake tokenizers: every text has full length except for one token, so that a plan holds for any prompt.

That token is padding: a mask that hides something becomes a matrix in some models, and one that hides nothing does not.
"""

from __future__ import annotations

from typing import Any

import torch

# Some models encode quoted words separately; a plan counts them.
PROMPT = 'a small red circle and the word "open" on a white wall'
CLIP_TOKENS, OTHER_TOKENS = 77, 512
AS_LIST = {"add_special_tokens": False}
INSTRUCTION_TOKENS = 256  # of SANA-Video's: 211 words and marks, some of several tokens


class Tokens(dict[str, torch.Tensor]):
    """What a tokenizer returns: tensors by name, also as attributes."""

    def __getattr__(self, name: str) -> torch.Tensor:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, *_args: Any, **_kwargs: Any) -> Tokens:
        """Returns the tokens unchanged."""
        return self


class FakeTokenizer:
    """Returns tokens of texts of full length.

    Args:
        class_name: of the tokenizer; CLIP's have a length of their own.
    """

    def __init__(self, class_name: str):
        self.model_max_length = CLIP_TOKENS if class_name.startswith("CLIP") else OTHER_TOKENS
        self.added_tokens_encoder: dict[str, int] = {}
        self.pad_token_id = self.eos_token_id = 1
        self.pad_token = self.eos_token = "<pad>"
        self._length = self.model_max_length

    def __call__(self, text: Any, *, max_length: int | None = None, **kwargs: Any) -> Any:
        """Returns ids and a mask that hides the last token alone, (texts, tokens) int64; of one text as it is, a list.

        Args:
            text: one or a list of them.
            max_length: tokens; that of the last call where left out.
            kwargs: of a tokenizer; where nothing of it speaks of tensors, one text is not padded either.
        """
        self._length = max_length or self._length
        if isinstance(text, str) and kwargs == AS_LIST:
            return {"input_ids": [1] * self._length}
        texts = len(text) if isinstance(text, list | tuple) else 1
        ids = torch.ones(texts, self._length, dtype=torch.int64)
        mask = torch.ones_like(ids)
        mask[:, -1] = 0
        return Tokens(input_ids=ids, attention_mask=mask)

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> Tokens:
        """Returns the same for a conversation, or for a list of them."""
        first = conversation[0] if conversation else None
        return self(conversation if isinstance(first, list) else [conversation], **kwargs)

    def encode(self, *_args: Any, **_kwargs: Any) -> list[int]:
        """Returns the tokens of instructions that a pipeline counts."""
        return [1] * INSTRUCTION_TOKENS

    def decode(self, *_args: Any, **_kwargs: Any) -> str:
        """Returns no text, as no word is cut off."""
        return ""

    def batch_decode(self, *_args: Any, **_kwargs: Any) -> list[str]:
        """Returns no text, as no word is cut off."""
        return []

    def tokenize(self, *_args: Any, **_kwargs: Any) -> list[str]:
        """Returns no words, as none has a trained embedding."""
        return []
