"""Builds one tiny checkpoint: `python -m tests.tiny OPTION FOLDER`."""

import sys
from pathlib import Path

from tests.tiny import build

build(sys.argv[1], Path(sys.argv[2]))
