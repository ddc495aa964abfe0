"""A checkpoint never runs code of its own, reads nothing outside its folder and takes no more than its weights need."""

from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path

import pytest

from benchmarks.hostile_cases import CASES, HARMLESS, SLOW, Folder
from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.registry import family
from vgpipe.models.weights.load_component import load_component

MOST_SECONDS, MOST_KIB = 10, 500_000


def open_all(folder: Path) -> None:
    """Does what a run does with a checkpoint until it denoises."""
    driver = family("wan", Checkpoint(folder), Settings())
    driver.check()
    driver.scheduler()
    for component in driver.components():
        driver.load(component, lambda name: load_component(driver.checkpoint, name, driver.settings, "cpu"))


@pytest.fixture(scope="module")
def warm(tiny_wan) -> Path:
    open_all(tiny_wan)  # the imports count for no case
    return tiny_wan


@pytest.mark.parametrize("name", [name for name in CASES if name not in SLOW])
def test_a_hostile_checkpoint_is_refused_in_one_line_and_runs_nothing(warm, tmp_path, monkeypatch, name):
    folder = Folder(Path(shutil.copytree(warm, tmp_path / "model")), tmp_path / "canary")
    monkeypatch.chdir(folder.path)  # where a module of the folder would be found
    CASES[name](folder)
    started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        open_all(folder.path)
        told = None
    except ModelError as error:
        told = str(error)
    assert not folder.canary.exists()
    assert time.process_time() - started < MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB
    if told is None:
        assert name in HARMLESS
    else:
        assert " -> " in told and len(told.splitlines()) == 1 and len(told) < 1000


def test_a_snapshot_of_the_hub_cache_given_as_a_folder_is_loaded(tiny_wan, tmp_path):
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / ("a" * 40), tmp_path / "models--a--b" / "blobs"
    shutil.copytree(tiny_wan, snapshot)
    blobs.mkdir()
    for number, path in enumerate(sorted(path for path in snapshot.rglob("*") if path.is_file())):
        path.rename(blobs / f"{number:040x}")
        path.symlink_to(os.path.relpath(blobs / f"{number:040x}", path.parent))
    open_all(snapshot)


def test_a_model_folder_that_is_itself_a_link_is_loaded(tiny_wan, tmp_path):
    (tmp_path / "model").symlink_to(tiny_wan, target_is_directory=True)
    open_all(tmp_path / "model")


def test_files_of_a_component_are_vetted_again_once_a_download_has_added_some(tiny_wan, tmp_path):
    folder = Path(shutil.copytree(tiny_wan, tmp_path / "model"))
    checkpoint = Checkpoint(folder)
    checkpoint.vet("vae")
    (folder / "vae" / "diffusion_pytorch_model.safetensors.index.json").write_text('{"weight_map": {"a": "b.bin"}}')
    with pytest.raises(ModelError, match=r"names 'b\.bin'; only safetensors files beside it are loaded"):
        checkpoint.vet("vae")
