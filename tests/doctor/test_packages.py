"""Which packages the doctor looks at."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from vgpipe.doctor.packages import HEAVY, LIGHT
from vgpipe.doctor.versions import normalized

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_package_that_vgpipe_requires_is_imported():
    required = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]["dependencies"]
    names = {normalized(re.match(r"[\w.-]+", requirement)[0]) for requirement in required}
    assert names <= {normalized(name) for name in HEAVY | LIGHT}
