from __future__ import annotations

import time

import pytest
import torch

from vgpipe.executor.thread_tuning import fastest_of, seconds_by_count


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def rehearsal(seconds: dict[int, float], digests: dict[int, str]):
    def rehearse() -> str:
        count = torch.get_num_threads()
        time.sleep(seconds[count])
        return digests[count]

    return rehearse


@pytest.mark.parametrize(
    ("seconds", "digests", "expected"),
    [
        ({1: 0.01, 2: 0.05}, {1: "a", 2: "a"}, 1),
        ({1: 0.05, 2: 0.01}, {1: "a", 2: "a"}, 2),
        ({1: 0.01, 2: 0.05}, {1: "b", 2: "a"}, 2),
    ],
)
def test_the_fastest_count_that_keeps_the_bits_is_taken(two_threads, seconds, digests, expected):
    assert fastest_of(seconds_by_count(rehearsal(seconds, digests))) == expected
    assert torch.get_num_threads() == 2


def test_only_counts_that_keep_the_bits_are_measured(monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(8)
    try:
        digests = {8: "a", 4: "b", 2: "a", 1: "a"}
        found = seconds_by_count(rehearsal(dict.fromkeys(digests, 0.01), digests))
    finally:
        torch.set_num_threads(before)
    assert sorted(found) == [1, 2, 8] and min(found.values()) >= 0.01


def test_a_job_of_many_clips_is_rehearsed_and_a_named_count_is_obeyed(render, workdir, two_threads):
    (workdir / "job.yaml").write_text("prompts: [{prompt: a red circle, seeds: [1, 2, 3, 4, 5, 6, 7, 8]}]\n")
    one = render("job=job.yaml", "exporter=frames", "store.dir=one", "memory=resident")
    assert '"denoise_threads"' in (one.root / "events.jsonl").read_text()
    two = render("job=job.yaml", "exporter=frames", "store.dir=two", "hardware.threads=2")
    assert '"denoise_threads"' not in (two.root / "events.jsonl").read_text()
    for first, second in zip(one.records(), two.records(), strict=True):
        frames = [
            sorted((ran.root / record["files"]["frames"]).iterdir()) for ran, record in ((one, first), (two, second))
        ]
        assert [path.read_bytes() for path in frames[0]] == [path.read_bytes() for path in frames[1]]
