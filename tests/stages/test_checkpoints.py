from __future__ import annotations

import os
import resource
import signal

import numpy as np
import pytest
import torch

from vgpipe.stages import checkpoints
from vgpipe.stages.checkpoints import DenoiseCheckpoint
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

KEY = Key("denoise", {"seed": 1})
STATE = {
    "_step_index": 3,
    "model_outputs": [None, torch.arange(4.0)],
    "timestep_list": [torch.tensor(7), 5],
    "timesteps": np.array([3, 2, 1]),
    "prk_timesteps": np.array([]),  # of PNDM, as it is used
    "sigma": 0.1 + 0.2,
    "last_sample": None,
    "kind": "bh2",
}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def write(store, done=3):
    generator = torch.Generator().manual_seed(5)
    checkpoints.write(store, KEY, DenoiseCheckpoint(done, torch.randn(1, 4, 2, 3, 3), STATE, generator.get_state()))


def test_everything_comes_back_as_it_was(store):
    write(store)
    saved = checkpoints.read(store, KEY, "cpu")
    assert saved.done_steps == 3 and saved.latents.shape == (1, 4, 2, 3, 3)
    assert torch.equal(saved.scheduler["model_outputs"][1], torch.arange(4.0))
    assert saved.scheduler["model_outputs"][0] is None and saved.scheduler["timestep_list"][1] == 5
    assert np.array_equal(saved.scheduler["timesteps"], [3, 2, 1]) and saved.scheduler["sigma"] == 0.1 + 0.2
    generator = torch.Generator()
    generator.set_state(saved.generator)
    assert torch.equal(torch.randn(3, generator=generator), torch.randn(3, generator=torch.Generator().manual_seed(5)))


def test_a_newer_checkpoint_replaces_the_older(store):
    write(store, 3)
    write(store, 6)
    assert checkpoints.read(store, KEY, "cpu").done_steps == 6
    assert len(list(store.root.rglob("*.safetensors"))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a fork")
def test_a_kill_in_the_middle_of_a_write_leaves_nothing_that_stays(store):
    write(store, 3)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))  # the write that goes beyond kills the process
        write(store, 6)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGXFSZ
    path = checkpoints.path_of(store, KEY)
    assert len(list(path.parent.iterdir())) == 2
    store.sweep_leftovers()
    assert list(path.parent.iterdir()) == [path]
    assert checkpoints.read(store, KEY, "cpu").done_steps == 3


def test_whoever_may_read_the_store_may_read_tensors(store):
    write(store)
    (store.root / "as_others").touch()
    assert checkpoints.path_of(store, KEY).stat().st_mode == (store.root / "as_others").stat().st_mode


def test_none_where_there_is_none(store):
    assert checkpoints.read(store, KEY, "cpu") is None
    checkpoints.remove(store, KEY)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_checkpoint_is_named_and_the_clip_starts_over(store, caplog, damage):
    write(store)
    path = checkpoints.path_of(store, KEY)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes({"flip": bytes(data), "cut": bytes(data[:-9]), "empty": b""}[damage])
    assert checkpoints.read(store, KEY, "cpu") is None
    assert "damaged checkpoint" in caplog.text and not path.exists()


def test_the_checkpoint_of_another_clip_is_not_continued(store, caplog):
    write(store)
    other = Key("denoise", {"seed": 2})
    path = checkpoints.path_of(store, other)
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.path_of(store, KEY).rename(path)
    assert checkpoints.read(store, other, "cpu") is None and "another clip" in caplog.text


def test_a_checkpoint_of_an_older_version_does_not_say_whose_it_is_and_is_continued(store, monkeypatch):
    monkeypatch.setattr(checkpoints, "SCHEMA", 1)
    write(store)
    monkeypatch.undo()
    assert checkpoints.read(store, KEY, "cpu").done_steps == 3


def test_a_folder_in_its_place_is_set_aside(store, caplog):
    checkpoints.path_of(store, KEY).mkdir(parents=True)
    assert checkpoints.read(store, KEY, "cpu") is None and "set aside" in caplog.text
    write(store)
    assert checkpoints.read(store, KEY, "cpu").done_steps == 3


@pytest.mark.parametrize(("old", "new"), [(b'done_steps\\": 3', b'done_steps\\": 4'), (b"bh2", b"bh1")])
def test_an_edited_fact_is_damage_too(store, old, new):
    write(store)
    path = checkpoints.path_of(store, KEY)
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    assert checkpoints.read(store, KEY, "cpu") is None


def test_scheduler_tensors_of_an_accelerator_go_back_to_it():
    flat: dict = {}
    layout = checkpoints._flatten("x", torch.ones(2, device="meta"), flat)
    assert layout["on_cpu"] is False
    assert checkpoints._unflatten(layout, {"x": torch.ones(2)}, "meta").device.type == "meta"
