"""What tests of several families share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory):
    """Builds the tiny checkpoint of an option, once."""
    folders: dict[str, Path] = {}

    def build(option: str) -> Path:
        if option not in folders:
            folders[option] = tiny.build(option, tmp_path_factory.mktemp(option) / "model")
        return folders[option]

    return build
