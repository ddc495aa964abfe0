"""Checkpoints by their hub id, against a fake hub: downloads, interruptions, and no network at all."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fake_hub import FakeHub
from tests.hub.messages import message_of
from vgpipe.errors import ModelError, Stopped
from vgpipe.hub import transfer
from vgpipe.hub.repo import HubRepo, fetch, is_hub_id, missing_bytes, open_repo, weight_files

REPO = "maker/tiny-video"

BIG = "transformer/diffusion_pytorch_model.safetensors"

BIG_BYTES = 2_000_000

SHARDS = [
    "text_encoder/model.safetensors.index.json",
    "text_encoder/model-00001-of-00002.safetensors",
    "text_encoder/model-00002-of-00002.safetensors",
]

OFFLINE_FETCH = """
import sys
from vgpipe.errors import VgpipeError
from vgpipe.hub import transfer
from vgpipe.hub.repo import fetch, open_repo, weight_files
try:
    repo = open_repo(sys.argv[1], sys.argv[2])
    fetch(repo, [name for part in sys.argv[3:] for name in weight_files(repo, part, None)])
except VgpipeError as error:
    sys.exit(f"reported: {error}")
print(repo.folder)
"""

DOWNLOAD = """
import sys
import vgpipe.hub.repo as hub
repo = hub.open_repo(sys.argv[1])
hub.fetch(repo, [sys.argv[2]])
"""


def save_tiny_repo(folder: Path) -> Path:
    """A repo in diffusers layout; its weights are random bytes, which nothing here opens."""
    rng = random.Random(0)
    for name, size_bytes in {BIG: BIG_BYTES, SHARDS[1]: 300_000, SHARDS[2]: 200_000}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(rng.randbytes(size_bytes))
    texts = {
        "model_index.json": json.dumps({"_class_name": "WanPipeline", "transformer": ["diffusers", "X"]}),
        "README.md": "# tiny",
        "transformer/config.json": "{}",
        "text_encoder/config.json": "{}",
        SHARDS[0]: json.dumps({"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}),
        "tokenizer/tokenizer_config.json": "{}",
        "tokenizer/spiece.model": "pieces",
        "tokenizer/chat.jinja": "{{ x }}",
        "scheduler/scheduler_config.json": "{}",
        "transformer/modeling.py": "raise SystemExit('must never be downloaded')",
        "transformer/diffusion_pytorch_model.bin": "pickle",
        "samples/deep/note.txt": "not of a component",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub({REPO: save_tiny_repo(tmp_path / "served")}) as running:
        yield running


@pytest.fixture
def cache(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process uses the fake hub and an empty cache, as if it had been started so."""
    from huggingface_hub import constants, file_download

    folder, template = tmp_path / "hf" / "hub", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    for module in (constants, file_download):  # versions before 1.0 hold a second copy
        monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(transfer, "RETRY_WAITS_S", (0.01, 0.01, 0.01))
    return folder


def environment(hub: FakeHub, home: Path, *, offline: bool) -> dict[str, str]:
    """The environment of a command of its own; no request leaves 127.0.0.1."""
    ours = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline))}
    return {key: value for key, value in os.environ.items() if not key.startswith("HF_")} | ours


def run(code: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True, timeout=60)


def go_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def served(hub: FakeHub, name: str) -> bytes:
    return (hub.repos[REPO].folder / name).read_bytes()


# ---- the first download


def test_opening_downloads_the_small_files_only(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    assert repo.commit == hub.repos[REPO].commit and repo.revision == "main"
    there = {path.relative_to(repo.folder).as_posix() for path in repo.folder.rglob("*") if path.is_file()}
    assert there == {
        "model_index.json", "transformer/config.json", "text_encoder/config.json", SHARDS[0],
        "tokenizer/tokenizer_config.json", "tokenizer/spiece.model", "tokenizer/chat.jinja",
        "scheduler/scheduler_config.json",
    }  # fmt: skip
    assert repo.files is not None and repo.files[BIG] == BIG_BYTES


def test_first_download_reports_its_progress(hub: FakeHub, cache: Path) -> None:
    hub.drip(4_000_000)
    repo = open_repo(REPO)
    files = [BIG, *weight_files(repo, "text_encoder", None)]
    assert missing_bytes(repo, files) == BIG_BYTES + 500_000
    reported: list[tuple[float, int, int]] = []
    fetch(repo, files, progress=lambda done, total: reported.append((time.monotonic(), done, total)))
    total_bytes = BIG_BYTES + 500_000 + (repo.folder / SHARDS[0]).stat().st_size
    assert {total for _, _, total in reported} == {total_bytes}
    assert [done for _, done, _ in reported] == sorted(done for _, done, _ in reported) and reported[-1][
        1
    ] == total_bytes
    assert len(reported) > 2 and max(b[0] - a[0] for a, b in pairwise(reported)) < 0.5
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG)
    assert missing_bytes(repo, files) == 0


def test_the_cache_is_the_one_that_every_tool_shares(hub: FakeHub, cache: Path) -> None:
    from huggingface_hub import hf_hub_download, scan_cache_dir, try_to_load_from_cache

    repo = open_repo(REPO)
    fetch(repo, [BIG])
    assert try_to_load_from_cache(REPO, BIG, cache_dir=cache) == str(repo.folder / BIG)
    asked = len(hub.bodies("resolve"))
    assert hf_hub_download(REPO, BIG, cache_dir=cache) == str(repo.folder / BIG)
    assert len(hub.bodies("resolve")) == asked
    scanned = scan_cache_dir(cache)
    assert not scanned.warnings and [found.repo_id for found in scanned.repos] == [REPO]


def test_a_cache_filled_by_huggingface_hub_is_used(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import snapshot_download

    folder = snapshot_download(REPO, cache_dir=cache, tqdm_class=None)
    hub.requests.clear()
    go_offline(monkeypatch)
    repo = open_repo(REPO, "main")
    assert str(repo.folder) == folder
    fetch(repo, [*weight_files(repo, "transformer", None), *weight_files(repo, "text_encoder", None)])
    assert hub.requests == []


# ---- what is unavailable


def test_unknown_revision(hub: FakeHub, cache: Path) -> None:
    text = message_of(lambda: open_repo(REPO, "v9"))
    assert text.startswith(f"model.revision: {REPO} has no revision 'v9'") and f"{hub.url}/{REPO}" in text
    assert len(hub.requests) == 1


def test_unknown_repo(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = message_of(lambda: open_repo("maker/no-such"))
    assert "maker/no-such without a valid token" in text and "check the name" in text
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert "no hub repo is named maker/no-such" in message_of(lambda: open_repo("maker/no-such"))


def test_private_repo_opens_with_the_token(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos[REPO].private = True
    assert "hf auth login" in message_of(lambda: open_repo(REPO))
    monkeypatch.setenv("HF_TOKEN", hub.token)
    assert open_repo(REPO).commit == hub.repos[REPO].commit


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("hf_someoneElsesToken", 403)])
def test_gated_repo(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch, token: str | None, status: int) -> None:
    hub.repos[REPO].gated = True
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    text = message_of(lambda: open_repo(REPO))
    assert f"{REPO} is gated" in text and f"accept their terms on {hub.url}/{REPO}" in text
    assert "hf auth login" in text and "HF_TOKEN" in text and "someoneElses" not in text
    assert hub.requests[-1].status == status and len(hub.bodies("resolve")) == 1
    monkeypatch.setenv("HF_TOKEN", hub.token)
    fetch(open_repo(REPO), [BIG])


def test_no_message_shows_a_token(cache: Path) -> None:
    from vgpipe.hub.errors import explain

    secret = "hf_abcdefSECRET"
    error = OSError(f"bad header 'Bearer {secret}' at https://me:{secret}@proxy/x?X-Signature={secret}&a=b")
    text = str(explain(error, REPO, "main"))
    assert "SECRET" not in text and "bad header" in text


def test_server_error_is_tried_again_then_reported(hub: FakeHub, cache: Path) -> None:
    hub.fail("/api/models", 503)
    text = message_of(lambda: open_repo(REPO))
    assert f"the model hub {hub.url} answered 503" in text and "run the same command again" in text
    assert len(hub.requests) == 4


def test_a_passing_server_error_is_not_reported(hub: FakeHub, cache: Path) -> None:
    hub.fail("/api/models", 500, times=2)
    hub.fail(BIG, 502, times=3)
    repo = open_repo(REPO)
    fetch(repo, [BIG])
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG)


def test_no_connection(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    text = message_of(lambda: open_repo(REPO))
    assert "http://127.0.0.1:9 cannot be reached (" in text and "refused" in text


def test_too_little_disk_is_reported_before_the_first_byte(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = open_repo(REPO)
    usage = namedtuple("usage", "total used free")
    asked: list[str] = []

    def nearly_full(path: Any) -> Any:
        asked.append(str(path))
        return usage(1 << 40, 1 << 40, BIG_BYTES + 1000)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    text = message_of(lambda: fetch(repo, [BIG]))
    assert str(cache) in text and "1.0 GiB needed" in text and "MiB free" in text and "HF_HOME" in text
    assert asked == [str(cache)] and hub.bodies(BIG) == []


def test_disk_check_counts_only_what_is_still_to_come(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = open_repo(REPO)
    fetch(repo, [BIG])
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 0))
    fetch(repo, [BIG])


def test_a_cache_that_cannot_be_written(hub: FakeHub, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    text = message_of(lambda: open_repo(REPO))
    assert f"the hub cache {cache} cannot be written" in text and "HF_HOME" in text


# ---- interrupted, and continued


def test_a_file_on_another_host_is_continued_there_without_the_token(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.token)
    hub.repos[REPO].gated = hub.redirects = True
    repo = open_repo(REPO)
    hub.cut("/cdn/", 655_360)
    fetch(repo, [BIG])
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG)
    first, second = hub.bodies("/cdn/")
    assert (first.range, second.range) == (None, "bytes=655360-")
    assert not first.authorized and not second.authorized
    assert all(request.authorized for request in hub.bodies("resolve") if "/cdn/" not in request.path)


def test_a_cut_connection_is_continued_within_the_call(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    hub.cut(BIG, 655_360)
    fetch(repo, [BIG])
    first, second = hub.bodies(BIG)
    assert first.range is None and second.range is not None and second.range.startswith("bytes=")
    assert first.sent_bytes + second.sent_bytes == BIG_BYTES
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG)


def test_a_failed_download_is_continued_by_the_next_call(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    hub.cut(BIG, 655_360)
    hub.fail(BIG, 503, times=3)
    text = message_of(lambda: fetch(repo, [BIG]))
    assert "answered 503" in text and BIG in text and "the download resumes" in text
    assert missing_bytes(repo, [BIG]) == BIG_BYTES - 655_360
    fetch(open_repo(REPO), [BIG])
    assert hub.bodies(BIG)[-1].range == "bytes=655360-"
    assert sum(request.sent_bytes for request in hub.bodies(BIG) if request.status in (200, 206)) == BIG_BYTES
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG)


def test_a_stop_keeps_what_has_arrived(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    done: list[int] = []
    hub.drip(2_000_000)
    with pytest.raises(Stopped):
        fetch(repo, [BIG], progress=lambda count, _: done.append(count), should_stop=lambda: len(done) > 1)
    kept = BIG_BYTES - missing_bytes(repo, [BIG])
    assert 0 < kept < BIG_BYTES
    hub.heal()
    seen: list[int] = []
    fetch(repo, [BIG], progress=lambda count, _: seen.append(count))
    assert hub.bodies(BIG)[-1].range == f"bytes={kept}-" and seen[-1] == BIG_BYTES and min(seen) >= kept


def test_a_killed_process_is_continued_by_the_next(hub: FakeHub, tmp_path: Path) -> None:
    env = environment(hub, tmp_path / "home", offline=False)
    hub.drip(1_000_000)
    process = subprocess.Popen([sys.executable, "-c", DOWNLOAD, REPO, BIG], env=env)
    deadline_s = time.monotonic() + 30
    while not any(request.sent_bytes > 500_000 for request in hub.bodies(BIG)):
        assert time.monotonic() < deadline_s and process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    [partial] = (tmp_path / "home" / "hub").rglob("*.incomplete")
    kept = partial.stat().st_size
    assert 300_000 < kept < BIG_BYTES
    hub.heal()
    again = run(DOWNLOAD, REPO, BIG, env=env)
    assert again.returncode == 0, again.stderr
    assert hub.bodies(BIG)[-1].range == f"bytes={kept}-" and hub.bodies(BIG)[-1].sent_bytes == BIG_BYTES - kept
    [whole] = (tmp_path / "home" / "hub").rglob(f"snapshots/*/{BIG}")
    assert whole.read_bytes() == served(hub, BIG) and not partial.exists()


def test_two_processes_download_a_file_once(hub: FakeHub, tmp_path: Path) -> None:
    env = environment(hub, tmp_path / "home", offline=False)
    hub.drip(2_000_000)
    both = [subprocess.Popen([sys.executable, "-c", DOWNLOAD, REPO, BIG], env=env) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert sum(request.sent_bytes for request in hub.bodies(BIG)) == BIG_BYTES


def test_a_server_without_ranges_starts_over(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    hub.cut(BIG, 655_360)
    hub.ignore_range(BIG)
    seen: list[int] = []
    fetch(repo, [BIG], progress=lambda count, _: seen.append(count))
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG) and seen[-1] == BIG_BYTES


def test_a_truncated_file_is_reported_and_kept_out(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    hub.truncate(BIG, 1_500_000)
    text = message_of(lambda: fetch(repo, [BIG]))
    assert (
        f"{BIG} arrives incomplete (it ends at 1,500,000 of 2,000,000 bytes)" in text
        and not (repo.folder / BIG).exists()
    )
    hub.heal()
    fetch(repo, [BIG])
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG)


def test_a_damaged_file_is_downloaded_again(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    hub.corrupt(BIG, times=1)
    seen: list[int] = []
    fetch(repo, [BIG], progress=lambda count, _: seen.append(count))
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG) and seen[-1] == BIG_BYTES
    shards = weight_files(repo, "text_encoder", None)
    hub.corrupt(SHARDS[1])
    assert f"{SHARDS[1]} arrived damaged twice" in message_of(lambda: fetch(repo, shards))
    assert not (repo.folder / SHARDS[1]).exists()


def test_a_cached_file_of_the_wrong_size_is_downloaded_again(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    fetch(repo, [BIG])
    os.truncate((repo.folder / BIG).resolve(), 1000)
    assert missing_bytes(repo, [BIG]) > 0
    seen: list[int] = []
    fetch(repo, [BIG], progress=lambda count, _: seen.append(count))
    assert (repo.folder / BIG).read_bytes() == served(hub, BIG) and seen[-1] == BIG_BYTES


# ---- without the network


def test_offline_with_a_full_cache_sends_no_request(hub: FakeHub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    parts = (REPO, "main", "transformer", "text_encoder")
    first = run(OFFLINE_FETCH, *parts, env=environment(hub, home, offline=False))
    assert first.returncode == 0, first.stderr
    hub.requests.clear()
    again = run(OFFLINE_FETCH, *parts, env=environment(hub, home, offline=True))
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert hub.requests == []


def test_offline_with_an_empty_cache(hub: FakeHub, tmp_path: Path) -> None:
    ran = run(OFFLINE_FETCH, REPO, "main", env=environment(hub, tmp_path / "home", offline=True))
    assert ran.returncode == 1 and ran.stderr.startswith(f"reported: {REPO} at revision main is not in the hub cache")
    assert str(tmp_path / "home") in ran.stderr and "-> unset HF_HUB_OFFLINE" in ran.stderr
    assert hub.requests == [] and not (tmp_path / "home" / "hub").exists()


def test_offline_with_a_cache_that_lacks_a_component(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(open_repo(REPO), [BIG])
    hub.requests.clear()
    go_offline(monkeypatch)
    repo = open_repo(REPO)
    text = message_of(lambda: fetch(repo, weight_files(repo, "text_encoder", None)))
    assert f"{REPO} at revision main: {SHARDS[1]} and 1 more files is not in the hub cache" in text
    assert "HF_HUB_OFFLINE" in text and hub.requests == []


def test_offline_where_the_hub_never_sent_its_listing(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(open_repo(REPO), [BIG, SHARDS[1]])
    shutil.rmtree(next(cache.rglob("trees")))
    go_offline(monkeypatch)
    repo = open_repo(REPO)
    assert repo.files is None and weight_files(repo, "transformer", None) == [BIG]
    fetch(repo, [BIG])
    text = message_of(lambda: weight_files(repo, "text_encoder", None))
    assert "text_encoder lacks shard 2 of 2" in text and "unset HF_HUB_OFFLINE" in text
    assert "vae is missing" in message_of(lambda: weight_files(repo, "vae", None))
    (repo.folder / "model_index.json").unlink()
    assert "model_index.json is not in the hub cache" in message_of(lambda: open_repo(REPO))
    (repo.folder / "modular_model_index.json").write_text("{}")
    assert open_repo(REPO).commit == repo.commit


def test_a_pinned_commit_needs_no_network_once_it_is_there(hub: FakeHub, cache: Path) -> None:
    commit = hub.repos[REPO].commit
    fetch(open_repo(REPO, commit), [BIG])
    hub.requests.clear()
    repo = open_repo(REPO, commit)
    fetch(repo, [BIG])
    assert hub.requests == [] and repo.commit == commit


def test_a_branch_falls_back_to_the_cache(hub: FakeHub, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    commit = open_repo(REPO).commit
    hub.requests.clear()
    hub.fail("/api/models", 503)
    with caplog.at_level(logging.WARNING):
        assert open_repo(REPO).commit == commit
    assert "answered 503" in caplog.text and "from the cache" in caplog.text
    assert len(hub.requests) == 1


def test_a_branch_that_moved_is_followed(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    fetch(repo, [BIG])
    del hub.repos[REPO].commit, hub.repos[REPO].files, hub.repos[REPO].digests
    (hub.repos[REPO].folder / "transformer" / "config.json").write_text('{"new": 1}')
    hub.requests.clear()
    moved = open_repo(REPO)
    assert moved.commit != repo.commit and "new" in (moved.folder / "transformer" / "config.json").read_text()
    assert missing_bytes(moved, [BIG]) == 0
    fetch(moved, [BIG])
    assert (moved.folder / BIG).read_bytes() == served(hub, BIG) and hub.bodies(BIG) == []


# ---- hostile servers and input


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.json",
        "/tmp/evil.json",
        "a/../../evil.json",
        "..\\evil.json",
        "C:\\evil.json",
        "C:evil.json",
        "a//b",
    ],
)
def test_hostile_file_names_are_refused(hub: FakeHub, cache: Path, name: str) -> None:
    hub.repos[REPO].claimed[name] = {"size": 4, "blobId": "0" * 40}
    assert "may lie outside its folder" in message_of(lambda: open_repo(REPO))
    assert not cache.exists() and hub.bodies("resolve") == []


@pytest.mark.parametrize("claim", [{"size": 4, "blobId": "../../evil"}, {"size": -1, "blobId": "0" * 40}, {"size": 4}])
def test_hostile_digests_and_sizes_are_refused(hub: FakeHub, cache: Path, claim: dict[str, Any]) -> None:
    hub.repos[REPO].claimed["evil.json"] = claim
    assert "gives no size or checksum of evil.json" in message_of(lambda: open_repo(REPO))
    assert not cache.exists()


def test_a_hostile_commit_is_refused(hub: FakeHub, cache: Path) -> None:
    hub.repos[REPO].__dict__["commit"] = "../../evil"
    assert "gives no commit" in message_of(lambda: open_repo(REPO))
    assert not cache.exists()


def test_a_server_that_sends_more_than_it_announced(hub: FakeHub, cache: Path) -> None:
    repo = open_repo(REPO)
    with (hub.repos[REPO].folder / BIG).open("ab") as file:
        file.write(b"more")
    fetch(repo, [BIG])
    assert (repo.folder / BIG).stat().st_size == BIG_BYTES


@pytest.mark.parametrize("name", ["transformer/modeling.py", "transformer/diffusion_pytorch_model.bin", "nothing.json"])
def test_code_and_pickles_are_never_downloaded(hub: FakeHub, cache: Path, name: str) -> None:
    repo = open_repo(REPO)
    with pytest.raises(ModelError, match=r"never downloaded|has no file"):
        fetch(repo, [name])
    assert hub.bodies(name) == []


@pytest.mark.parametrize("repo_id", ["../x/y", "a/b/c", "a", "a/..", "/etc/passwd", "a/b?x", "a/--b", "~/models"])
def test_odd_repo_ids(hub: FakeHub, cache: Path, repo_id: str) -> None:
    assert not is_hub_id(repo_id)
    assert "model.id" in message_of(lambda: open_repo(repo_id))
    assert hub.requests == []


def test_odd_revisions(hub: FakeHub, cache: Path) -> None:
    for revision in ("../main", "a b", "/main", "x" * 300):
        assert "model.revision" in message_of(lambda asked=revision: open_repo(REPO, asked))
    assert hub.requests == []


def test_a_folder_wins_over_a_hub_id(workdir: Path) -> None:
    assert is_hub_id("Wan-AI/Wan2.1-T2V-1.3B-Diffusers") and is_hub_id("maker/model")
    (workdir / "maker" / "model").mkdir(parents=True)
    assert not is_hub_id("maker/model")


def test_a_pickle_only_repo_is_refused_before_its_weights_are_requested(hub: FakeHub, cache: Path) -> None:
    folder = hub.repos[REPO].folder
    (folder / BIG).unlink()
    repo: HubRepo = open_repo(REPO)
    text = message_of(lambda: weight_files(repo, "transformer", None))
    assert text.startswith(f"{REPO} at revision main: transformer has only pickled weights")
    assert hub.bodies("safetensors") == hub.bodies("text_encoder/model.safetensors.index.json")
