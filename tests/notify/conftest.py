from __future__ import annotations

import pytest
from PIL import Image

from tests.notify.stand_ins import http_service


@pytest.fixture
def service():
    with http_service() as running:
        yield running


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "contact-sheet.png"
    Image.new("RGB", (3000, 2000), (200, 30, 30)).save(path)
    return path
