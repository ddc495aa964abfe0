from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vgpipe.errors import StoreError
from vgpipe.store import artifacts
from vgpipe.store.artifacts import RECORD_NAME, LostArtifact, Store
from vgpipe.store.digest import Key

KEY = Key("denoise", {"seed": 1, "prompt": "a"})


def make(store: Store, key: Key = KEY, data: bytes = b"latents") -> Path:
    with store.create(key) as draft:
        draft.path("data.bin").write_bytes(data)
        draft.info["seconds"] = 1.5
    return store.folder(key)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_is_created_is_found_again_by_another_process(store):
    make(store)
    found = Store(store.root).find(KEY)
    assert found is not None
    assert found.path("data.bin").read_bytes() == b"latents"
    assert found.info == {"seconds": 1.5}
    record = json.loads((found.folder / RECORD_NAME).read_text())
    assert record["inputs"] == {"seed": 1, "prompt": "a"} and "torch" in record["versions"]


def test_nothing_is_found_before_it_is_made(store):
    assert store.find(KEY) is None


def test_a_draft_that_fails_leaves_nothing(store):
    with pytest.raises(RuntimeError), store.create(KEY) as draft:
        draft.path("data.bin").write_bytes(b"half")
        raise RuntimeError
    assert store.find(KEY) is None
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("damage", ["flip", "cut", "lose", "record", "other"])
def test_damage_is_set_aside_named_and_made_again(store, caplog, damage):
    folder = make(store)
    data = folder / "data.bin"
    if damage == "flip":
        data.write_bytes(b"latentz")
    elif damage == "cut":
        data.write_bytes(b"lat")
    elif damage == "lose":
        data.unlink()
    elif damage == "record":
        (folder / RECORD_NAME).write_text("{")
    else:
        (folder / RECORD_NAME).write_text(json.dumps({"digest": "0", "files": {}, "info": {}}))
    fresh = Store(store.root)
    assert fresh.find(KEY) is None
    assert str(folder) in caplog.text and "set aside" in caplog.text
    assert list(folder.parent.glob("bad-*"))
    make(fresh)
    assert Store(store.root).find(KEY) is not None


@pytest.mark.parametrize("place", ["file", "record", "folder"])
@pytest.mark.parametrize("thing", ["pipe", "folder", "loop", "file"])
def test_whatever_stands_in_place_of_something_is_set_aside(store, caplog, place, thing):
    folder = make(store)
    path = {"file": folder / "data.bin", "record": folder / RECORD_NAME, "folder": folder}[place]
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    put = {
        "pipe": getattr(os, "mkfifo", Path.touch),
        "folder": Path.mkdir,
        "loop": lambda at: at.symlink_to(at),
        "file": Path.touch,
    }
    put[thing](path)
    fresh = Store(store.root)
    assert fresh.find(KEY) is None and "set aside" in caplog.text
    make(fresh)
    assert Store(store.root).find(KEY) is not None


def record_with(folder: Path, **changed: object) -> str:
    record = json.loads((folder / RECORD_NAME).read_text()) | changed
    return json.dumps({key: value for key, value in record.items() if key != "checksum"})


@pytest.mark.parametrize(
    "changed",
    [
        {"files": []},
        {"files": {"data.bin": []}},
        {"files": {"data.bin": {"bytes": "7", "sha256": "0"}}},
        {"files": {"../../x": {"bytes": 7, "sha256": "0"}}},
        {"files": {"data.bin\0": {"bytes": 7, "sha256": "0"}}},
        {"info": []},
        {"info": {"seconds": "soon"}},
        {"info": {"degradation": {"asked": 3}}},
        {"info": {"file": []}},
        {"digest": None},
        {"versions": 5, "info": None},
    ],
    ids=str,
)
def test_a_record_of_an_older_version_of_the_wrong_types_is_set_aside(store, caplog, changed):
    folder = make(store)
    (folder / RECORD_NAME).write_text(record_with(folder, schema=1, **changed))
    assert Store(store.root).find(KEY) is None and "set aside" in caplog.text


@pytest.mark.parametrize("text", ["[]", "null", "[" * 200_000, '{"a":' * 200_000, "NaN", "9" * 5000, "\xff"])
def test_a_record_that_is_none_is_set_aside(store, caplog, text):
    (make(store) / RECORD_NAME).write_bytes(text.encode("latin-1"))
    assert Store(store.root).find(KEY) is None and "set aside" in caplog.text


def test_a_record_of_an_older_version_is_taken(store):
    folder = make(store)
    (folder / RECORD_NAME).write_text(record_with(folder, schema=1))
    assert Store(store.root).find(KEY).info == {"seconds": 1.5}


def test_a_changed_fact_in_a_record_is_damage_with_and_without_its_checksum(store):
    path = make(store) / RECORD_NAME
    path.write_text(path.read_text().replace("1.5", "2.5"))
    assert Store(store.root).find(KEY) is None
    folder = make(store)
    (folder / RECORD_NAME).write_text(record_with(folder, info={"seconds": 2.5}))
    assert Store(store.root).find(KEY) is None


def test_what_is_read_is_what_was_written(store):
    path = make(store) / "data.bin"
    found = store.find(KEY)
    assert found.read("data.bin") == b"latents"
    before = path.stat()
    path.write_bytes(b"latentz")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(LostArtifact, match=r"denoise artifact .* checksum of data.bin does not match"):
        found.read("data.bin")
    os.truncate(path, 3)
    with pytest.raises(LostArtifact):
        found.read("data.bin")
    path.unlink()
    with pytest.raises(LostArtifact, match="no such file"):
        found.read("data.bin")


def test_a_hard_link_that_is_edited_in_place_is_noticed_by_the_process_that_knew_it(store, tmp_path):
    os.link(make(store) / "data.bin", tmp_path / "video.mp4")
    assert store.find(KEY) is not None
    with (tmp_path / "video.mp4").open("r+b") as file:
        file.write(b"L")
    assert store.find(KEY) is None and Store(store.root).find(KEY) is None
    assert (tmp_path / "video.mp4").read_bytes() == b"Latents"


def test_the_first_of_two_processes_wins_and_the_second_loses_nothing(store):
    with store.create(KEY) as draft:
        draft.path("data.bin").write_bytes(b"second")
        make(Store(store.root), data=b"first")
    found = Store(store.root).find(KEY)
    assert found is not None and found.path("data.bin").read_bytes() == b"first"


def test_many_threads_making_the_same_artifact_end_with_one(store):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: make(store), range(24)))
    assert Store(store.root).find(KEY) is not None
    assert [path.name for path in store.folder(KEY).parent.iterdir()] == [KEY.digest]


def test_an_unwritable_store_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"), Store(tmp_path / "file").create(KEY):
        pass


def test_a_full_disk_is_a_store_error_and_leaves_nothing(store, monkeypatch):
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts, "flush_file", full)
    with pytest.raises(StoreError, match="No space left"):
        make(store)
    assert store.find(KEY) is None
    assert list(store.folder(KEY).parent.iterdir()) == []


def test_leftovers_of_ended_processes_are_swept_and_those_of_live_ones_kept(store):
    parent = make(store).parent
    machine = artifacts.temporary_path(parent / "x").name.split("-")[1]
    (parent / f".tmp-{machine}-{2**22 + 1}-aa-x").mkdir()  # above any pid Linux gives
    (parent / f".tmp-{machine}-{os.getpid()}-aa-x").mkdir()
    (parent / f".tmp-ffffffffffff-{2**22 + 1}-aa-x").mkdir()  # another machine's, on a shared disk
    assert store.sweep_leftovers() == 1
    assert len(list(parent.glob(".tmp-*"))) == 2
    assert store.find(KEY) is not None


def test_an_artifact_discarded_by_another_while_it_is_read_is_just_absent(store, monkeypatch):
    folder = make(store)

    def vanishing(key, path):
        Store(store.root).discard(key)
        raise FileNotFoundError(path)

    monkeypatch.setattr(artifacts, "_read", vanishing)
    assert Store(store.root).find(KEY) is None
    assert not folder.exists()


def test_damaged_artifacts_are_kept_a_week(store):
    folder = make(store)
    (folder / "data.bin").write_bytes(b"torn")
    os.utime(folder, (0, 0))  # the week begins when the damage is found, not when the artifact was made
    assert Store(store.root).find(KEY) is None
    assert store.sweep_leftovers() == 0
    aside = next(folder.parent.glob("bad-*"))
    for path in (*aside.iterdir(), aside):
        os.utime(path, (0, 0))
    assert store.sweep_leftovers() == 1 and not aside.exists()


def test_a_store_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    Store(tmp_path / "store").require_writable()
    with pytest.raises(StoreError, match=r"store\.dir"):
        Store(tmp_path / "file").require_writable()


def test_discarded_artifacts_are_gone(store):
    make(store)
    store.discard(KEY)
    assert store.find(KEY) is None


def test_a_glance_reads_the_record_alone_and_sets_nothing_aside(store):
    assert store.glance(KEY) is None
    make(store, KEY)
    path = store.folder(KEY)
    data = next(one for one in path.iterdir() if one.name != RECORD_NAME)
    content = data.read_bytes()
    data.write_bytes(bytes(reversed(content)))
    found = store.glance(KEY)
    assert found is not None and found.files.keys() == {data.name}
    data.write_bytes(content[:-1])
    assert store.glance(KEY) is None
    (path / RECORD_NAME).write_text("{}")
    assert store.glance(KEY) is None and path.is_dir()
