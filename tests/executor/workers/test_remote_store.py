"""A worker's own store beside the driver's, with every request answered in this process."""

from __future__ import annotations

import hashlib
import threading

import pytest
import torch

from vgpipe.errors import StoreError, is_disk_full
from vgpipe.executor.workers.brought_files import brought_file
from vgpipe.executor.workers.remote_store import RemoteStore
from vgpipe.executor.workers.store_messages import Gone, Loose, Offered, Refused, Sent, Wanted, Whole
from vgpipe.executor.workers.store_service import StoreService
from vgpipe.stages import checkpoints
from vgpipe.stages.checkpoints import DenoiseCheckpoint
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key

LATENTS, FRAMES, TEXT = Key("denoise", {"seed": 1}), Key("decode", {"seed": 1}), Key("encode", {"text": "a"})


class Link:
    """Carries requests to the driver's service, and notes them."""

    def __init__(self, service: StoreService):
        self.service, self.asked, self.refusal = service, [], None

    def __call__(self, request):
        self.asked.append(request)
        return self.refusal or self.service.answer(request)

    def kinds(self):
        kinds, self.asked = [type(one).__name__ for one in self.asked], []
        return kinds


@pytest.fixture
def driver(tmp_path):
    return Store(tmp_path / "driver")


@pytest.fixture
def link(driver):
    return Link(StoreService(driver))


@pytest.fixture
def own(tmp_path, link):
    return RemoteStore(tmp_path / "node", link)


def make(store, key, files=(("a.bin", b"latents"), ("empty", b"")), **info):
    with store.create(key) as draft:
        for name, data in files:
            draft.path(name).write_bytes(data)
        draft.info.update(info)


def save(store, done, key=LATENTS):
    generator = torch.Generator().manual_seed(5).get_state()
    checkpoints.write(store, key, DenoiseCheckpoint(done, torch.full((2, 3), float(done)), {"step": done}, generator))


def leftovers(store):
    return [path for path in store.root.rglob(".tmp-*")]


def test_what_is_made_is_in_the_drivers_store_at_once_and_frames_are_not(own, driver, link):
    make(own, LATENTS, seconds=2.5)
    found = Store(driver.root).find(LATENTS)
    assert found.read("a.bin") == b"latents" and found.read("empty") == b"" and found.info == {"seconds": 2.5}
    assert link.kinds() == ["Offered", "Sent", "Sent", "Sent", "Whole"]
    make(own, FRAMES)
    assert own.find(FRAMES) is not None and Store(driver.root).find(FRAMES) is None and link.kinds() == []


def test_large_files_travel_in_parts_and_arrive_whole(own, driver, tmp_path, monkeypatch):
    for module in ("store_link", "store_service"):
        monkeypatch.setattr(f"vgpipe.executor.workers.{module}.PART_BYTES", 10)
    data = bytes(range(256)) + b"x" * 4
    make(own, LATENTS, [("a.bin", data)])
    assert Store(driver.root).find(LATENTS).read("a.bin") == data
    other = RemoteStore(tmp_path / "other", StoreService(driver).answer)
    assert other.find(LATENTS).read("a.bin") == data
    assert leftovers(other) == leftovers(driver) == leftovers(own) == []


def test_what_the_driver_has_is_brought_once_and_kept(own, driver, link):
    make(driver, TEXT)
    assert own.find(TEXT).read("a.bin") == b"latents"
    link.kinds()
    assert own.find(TEXT) is not None and link.kinds() == []
    assert Store(own.root).find(TEXT) is not None


def test_that_nobody_has_it_is_asked_once_until_something_may_have_changed(own, driver, link):
    assert own.find(TEXT) is None and own.find(TEXT) is None
    assert link.kinds() == ["Wanted"]
    make(driver, TEXT)
    own.ask_again(TEXT.digest)
    assert own.find(TEXT) is not None
    assert own.find(LATENTS) is None
    own.ask_again()
    assert own.find(LATENTS) is None and link.kinds().count("Wanted") == 3


def test_what_an_earlier_run_left_on_the_node_is_handed_in_when_it_is_used(own, driver):
    make(Store(own.root), LATENTS)
    assert own.find(LATENTS) is not None
    assert Store(driver.root).find(LATENTS) is not None


def test_a_damaged_artifact_is_replaced_by_the_drivers(own, driver, caplog):
    make(own, LATENTS)
    own.find(LATENTS).path("a.bin").write_bytes(b"damaged")
    assert own.find(LATENTS).read("a.bin") == b"latents"
    assert "set aside" in caplog.text


def test_a_discarded_artifact_is_made_again_in_both_stores(own, driver):
    make(own, LATENTS, [("a.bin", b"old")])
    own.discard(LATENTS)
    assert Store(driver.root).find(LATENTS) is None
    make(own, LATENTS, [("a.bin", b"new")])
    assert Store(driver.root).find(LATENTS).read("a.bin") == b"new"


def test_an_artifact_that_the_driver_cannot_take_is_an_error_that_names_why(own, link):
    link.refusal = Refused("denoise could not be stored: [Errno 28] No space left on device")
    with pytest.raises(StoreError, match="the driver's store: denoise could not be stored") as caught:
        make(own, LATENTS)
    assert is_disk_full(caught.value)
    link.refusal = None
    assert own.find(LATENTS) is not None and link.service.answer(Wanted(LATENTS)) is not None  # tried again


def test_an_artifact_that_vanishes_on_its_way_counts_as_missing(own, driver, link):
    make(driver, LATENTS)
    answer = link.service.answer

    def vanishing(request):
        found = answer(request)
        driver.discard(LATENTS)
        return found

    link.service.answer = vanishing
    assert own.find(LATENTS) is None and leftovers(own) == []


def test_a_worker_that_ends_half_way_leaves_nothing(driver, link):
    save(Store(driver.root / "elsewhere"), 4)
    name = checkpoints.path_of(driver, LATENTS).relative_to(driver.root).as_posix()
    for what in (LATENTS, Loose(name)):
        assert link(Offered(what, done_steps=4)) is True
        link(Sent(what, "a.bin", 0, b"half"))
    assert len(leftovers(driver)) == 2
    link.service.close()
    assert leftovers(driver) == [] and driver.find(LATENTS) is None


@pytest.mark.parametrize("name", ["../x", "checkpoint/../../x", "/etc/passwd", "denoise/aa/x"])
def test_only_checkpoints_and_images_of_the_job_are_served(link, name, tmp_path):
    for request in (Wanted(Loose(name)), Offered(Loose(name)), Gone(Loose(name))):
        assert isinstance(link(request), Refused)
    link(Offered(LATENTS))
    assert isinstance(link(Sent(LATENTS, "../a", 0, b"")), Refused)
    assert isinstance(link(Whole(TEXT)), Refused)


def test_damage_on_the_way_is_refused(driver, link):
    link(Offered(LATENTS))
    link(Sent(LATENTS, "artifact.json", 0, b"{}"))
    assert "digest" in link(Whole(LATENTS)).reason
    name = Loose(checkpoints.path_of(driver, LATENTS).relative_to(driver.root).as_posix())
    link(Offered(name, done_steps=4))
    link(Sent(name, "a", 0, b"{}"))
    assert "checksum" in link(Whole(name, "0" * 64)).reason
    assert leftovers(driver) == []


def test_a_checkpoint_is_sent_beside_the_work_and_resumes_on_another_node(own, driver, tmp_path):
    save(own, 4)
    save(own, 8)
    own.flush()
    assert checkpoints.read(Store(driver.root), LATENTS, "cpu").done_steps == 8
    other = RemoteStore(tmp_path / "other", StoreService(driver).answer)
    saved = checkpoints.read(other, LATENTS, "cpu")
    assert saved.done_steps == 8 and torch.equal(saved.latents, torch.full((2, 3), 8.0))


def test_the_further_checkpoint_counts_wherever_it_is(own, driver):
    save(Store(own.root), 8)
    save(driver, 4)
    assert checkpoints.read(own, LATENTS, "cpu").done_steps == 8
    save(driver, 12)
    assert checkpoints.read(own, LATENTS, "cpu").done_steps == 12
    save(Store(own.root), 6)
    own.publish(checkpoints.path_of(own, LATENTS))
    own.flush()
    assert checkpoints.read(Store(driver.root), LATENTS, "cpu").done_steps == 12


def test_no_checkpoint_is_left_once_its_latents_are_there(own, driver):
    save(own, 4)
    make(own, LATENTS)
    checkpoints.remove(own, LATENTS)
    assert not checkpoints.path_of(own, LATENTS).exists() and not checkpoints.path_of(driver, LATENTS).exists()


def test_of_a_checkpoint_that_is_being_sent_only_the_newest_follows(tmp_path, driver):
    service, sending, go_on = StoreService(driver), threading.Event(), threading.Event()
    offered = []

    def slow(request):
        if isinstance(request, Offered):
            offered.append(request.done_steps)
            sending.set()
            assert go_on.wait(10)
        return service.answer(request)

    own = RemoteStore(tmp_path / "node", slow)
    save(own, 4)
    assert sending.wait(10)
    for done in (8, 12, 16):
        save(own, done)  # does not wait
    go_on.set()
    own.flush()
    assert offered == [4, 16] and checkpoints.read(Store(driver.root), LATENTS, "cpu").done_steps == 16


def test_a_checkpoint_that_the_driver_refuses_does_no_harm(own, link, caplog):
    link.refusal = Refused("No space left on device")
    save(own, 4)
    own.flush()
    assert "no checkpoint in the driver's store" in caplog.text
    assert checkpoints.done_steps(checkpoints.path_of(own, LATENTS)) == 4


def test_an_image_that_the_node_does_not_have_comes_from_the_driver(own, link, tmp_path):
    image = tmp_path / "a.png"
    image.write_bytes(b"\x89PNG")
    sha256 = hashlib.sha256(b"\x89PNG").hexdigest()
    assert isinstance(link(Wanted(Loose(sha256))), Refused)
    link.service.serve_file(sha256, image)
    assert brought_file(link, own.root, sha256).read_bytes() == b"\x89PNG"
    image.unlink()
    assert brought_file(link, own.root, sha256).read_bytes() == b"\x89PNG"  # kept, for other clips that begin with it
