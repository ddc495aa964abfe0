"""What all tests share: a tiny random checkpoint in real diffusers layout, and the command line in a fresh folder."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# As the command line sets it: a spinning OpenMP thread beside another test worker is many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # there is a worker a core
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["VGPIPE_CONFIG"] = ""  # not the defaults of whoever runs the tests

import hypothesis
import pytest

# Without compiled files, each process that a test starts compiles vgpipe, and each run of the tests compiles them all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A busy machine makes an example slow, not wrong. A test of a parser or a digest asks for more examples than these.
hypothesis.settings.register_profile("vgpipe", deadline=None, max_examples=40)
hypothesis.settings.load_profile("vgpipe")


def _open_at_least(descriptor: int) -> None:
    """Stands in for fsync, which guards against a loss of power and takes up to 12 ms: a run of three clips has 200."""
    os.fstat(descriptor)


os.fsync = _open_at_least  # not in processes that a test starts

IN_MEMORY, ROOM_BYTES = Path("/dev/shm"), 8 << 30
if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_BYTES:  # the tests write 1.5 GB
    # Processes that a test starts flush each record: on a disk they wait for it most of their time.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))

IS_FIRST = "VGPIPE_TEST_CACHE" not in os.environ  # workers share what the first process makes
if IS_FIRST:
    os.environ["VGPIPE_CACHE"] = os.environ["VGPIPE_TEST_CACHE"] = tempfile.mkdtemp(prefix="vgpipe-cache-")

WORDS = "<pad> </s> <unk> a small large red blue circle square moving left right on black white background"
CHROMIUM = Path("/usr/bin/chromium")
SMALL = ("clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=4", "checks=off")
"""A clip that takes moments; random weights make noise, which every check would reject."""


def pytest_unconfigure() -> None:
    """Removes the plans that the tests shared."""
    if IS_FIRST:
        shutil.rmtree(os.environ["VGPIPE_TEST_CACHE"], ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def old_objects_stay() -> Iterator[None]:
    """Lets the collector, which every run calls, pass over what was there before the module's tests: mostly imports."""
    gc.collect()
    gc.freeze()
    yield


@pytest.fixture(scope="session")
def tiny_wan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Wan checkpoint of a few hundred kilobytes, saved by diffusers itself."""
    from tests.tiny_checkpoints import save_tiny_wan

    return save_tiny_wan(tmp_path_factory.mktemp("tiny_wan"), WORDS.split())


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def root(self) -> Path:
        """The run directory that the closing lines name."""
        return Path(re.findall(r"^(?:report|run)  +(.+?)(?:/report\.html)?$", self.out, re.MULTILINE)[-1])

    def records(self) -> list[dict[str, Any]]:
        """The run's clips.jsonl."""
        return [json.loads(line) for line in (self.root / "clips.jsonl").read_text().splitlines()]


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def vgpipe(workdir: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs a command line in this process, in an empty working directory."""
    from vgpipe.cli import main

    def run(*arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def render(vgpipe: Callable[..., Ran], tiny_wan: Path) -> Callable[..., Ran]:
    """Runs a command line on the tiny checkpoint, at a size that takes moments."""
    return lambda *arguments: vgpipe(*arguments, f"model.id={tiny_wan}", *SMALL)


@pytest.fixture
def vgpipe_process(workdir: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a command line as a process of its own, for tests that kill it."""

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "vgpipe", *map(str, arguments)]
        return subprocess.Popen(command, cwd=workdir, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium; tests that need it are skipped where there is none (`pip install '.[browser]'`)."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has those of the whole program begin, some of which are long; skips tests marked `gpu` where there is none."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
