from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vgpipe.exporters.base import exporter


@pytest.fixture
def file_of(tmp_path: Path):
    """Writes a file with any recipe."""

    def written(recipe: dict[str, Any]) -> Path:
        frames = np.zeros((1, 16, 16, 3), np.uint8)
        made = exporter({"name": "sheet"}).export(frames, fps=8, folder=tmp_path, recipe=recipe)
        return tmp_path / made.files[0]

    return written
