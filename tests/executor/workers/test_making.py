"""What a worker of this process makes, without a driver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from tests.conftest import SMALL
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.executor.workers.messages import End, Tune, Tuned, WorkerSettings, WorkItem
from vgpipe.executor.workers.worker import Worker
from vgpipe.fallback.loading_ladder import LoadingLadder


def test_a_trial_says_how_long_each_thread_count_takes_and_stores_nothing(workdir, tiny_wan):
    config = load([f"model.id={tiny_wan}", "memory=resident", "clip.prompt=a red circle", *SMALL])
    (clip,) = request(config).clips
    canary = WorkItem(clip=replace(clip, id="canary", num_inference_steps=2), requested=clip, represents_steps=4)
    sent = []
    settings = WorkerSettings(
        worker="cpu-1", config=config, load_plan=LoadingLadder(config).first().plan, plan=None, run_root=str(workdir)
    )
    worker = Worker(settings, sent.append)
    worker.deliver(Tune((canary,)))
    worker.deliver(End())
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        worker.run()
    finally:
        torch.set_num_threads(before)
    (tuned,) = [one for one in sent if isinstance(one, Tuned)]
    assert sorted(tuned.seconds) in ([2], [1, 2]) and all(seconds > 0 for seconds in tuned.seconds.values())
    assert not list(Path(config.store.dir).rglob("*.safetensors"))
