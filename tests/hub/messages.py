"""The message of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vgpipe.errors import ModelError


def message_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ModelError) as caught:
        call()
    text = str(caught.value)
    assert " -> " in text and "\n" not in text
    return text
