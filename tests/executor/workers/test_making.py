"""What a worker of this process makes, without a driver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.conftest import SMALL
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.executor.workers.messages import (
    Claim,
    ClipEnded,
    End,
    Ending,
    Granted,
    HandOut,
    StepDone,
    Tune,
    Tuned,
    WorkerSettings,
    WorkItem,
)
from vgpipe.executor.workers.worker import Worker
from vgpipe.fallback.loading_ladder import LoadingLadder


@pytest.fixture
def making(workdir, tiny_wan):
    """Gives a worker messages, and returns what it sends, with the clip and the config that it works for."""
    config = load([f"model.id={tiny_wan}", "memory=resident", "clip.prompt=a red circle", "exporter=frames", *SMALL])
    (clip,) = request(config).clips
    plan = LoadingLadder(config).first().plan

    def make(*messages):
        sent = []

        def send(message):
            sent.append(message)
            if isinstance(message, Claim):  # as the driver answers one worker
                worker.deliver(Granted(message.key.digest, True))

        settings = WorkerSettings(worker="cpu-1", config=config, load_plan=plan, plan=None, run_root=str(workdir))
        worker = Worker(settings, send)
        for message in (*messages, End()):
            worker.deliver(message)
        worker.run()
        return sent

    return make, clip, config


def test_a_worker_drafts_a_clip_and_continues_it(making):
    make, clip, config = making
    checkpoints, ends = Path(config.store.dir, "checkpoint"), []
    for number, draft in enumerate((2, None), 1):
        sent = make(HandOut(number, (WorkItem(clip=clip, requested=clip, draft=draft),)))
        ends += [one for one in sent if isinstance(one, ClipEnded)]
        assert [one for one in sent if isinstance(one, StepDone)][-1] == StepDone(draft or 4, draft or 4)
        assert len(list(checkpoints.rglob("*.safetensors"))) == (1 if draft else 0)
    assert [one.ending for one in ends] == [Ending.DONE] * 2


def test_a_trial_says_how_long_each_thread_count_takes_and_stores_nothing(making):
    make, clip, config = making
    canary = WorkItem(clip=replace(clip, id="canary", num_inference_steps=2), requested=clip, represents_steps=4)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        sent = make(Tune((canary,)))
    finally:
        torch.set_num_threads(before)
    (tuned,) = [one for one in sent if isinstance(one, Tuned)]
    assert sorted(tuned.seconds) in ([2], [1, 2]) and all(seconds > 0 for seconds in tuned.seconds.values())
    assert not list(Path(config.store.dir).rglob("*.safetensors"))
