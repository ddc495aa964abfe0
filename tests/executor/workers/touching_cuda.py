"""Stands for libraries after whose import CUDA cannot be used in a forked process."""

import sys
from types import ModuleType, SimpleNamespace

torch = sys.modules["torch"] = ModuleType("torch")
torch.cuda = SimpleNamespace(_is_in_bad_fork=lambda: True)
