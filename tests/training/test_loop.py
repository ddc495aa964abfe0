"""Training is repeatable and resumes to the same state."""

import contextlib
import random
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from training.loop import Plan, load_checkpoint, train
from training.muon import optimizer_for, orthogonalised
from training.train_vae import Stage, run_stage
from training.vae import build_vae

PLAN = Plan(steps=6, lr=1e-2, warmup_steps=2)


def trained(path: Path, stop_after: int | None = None) -> torch.Tensor:
    """Train a small net on random data; stop by an error after some steps when asked to."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3))

    def loss_of(step: int, rng: random.Random) -> dict[str, torch.Tensor]:
        if step == stop_after:
            raise KeyboardInterrupt
        return {"loss": (net(torch.randn(5, 4)) - rng.random()).pow(2).mean()}

    plan = replace(PLAN, save_every_s=0)
    with contextlib.suppress(KeyboardInterrupt):
        train(plan, 0, path, {"net": net}, optimizer_for([net], plan.lr), loss_of)
    return nn.utils.parameters_to_vector(net.parameters()).detach()


def test_an_interrupted_training_ends_in_the_same_weights(tmp_path):
    straight = trained(tmp_path / "straight.pt")
    halted = trained(tmp_path / "halted.pt", stop_after=3)
    resumed = trained(tmp_path / "halted.pt")
    assert torch.equal(resumed, straight)
    assert not torch.equal(halted, straight)


def test_vae_training_writes_and_resumes(tmp_path):
    stage = Stage("tiny", 16, 5, 1, Plan(steps=2, lr=1e-3))
    run_stage(0, stage, None, tmp_path)
    run_stage(0, replace(stage, plan=Plan(steps=3, lr=1e-3)), None, tmp_path)
    assert load_checkpoint(tmp_path / "tiny.pt", {"vae": build_vae()}) == 3


def test_orthogonalised_singular_values_are_near_one():
    values = torch.linalg.svdvals(orthogonalised(torch.randn(2, 8, 20, generator=torch.Generator().manual_seed(0))))
    assert values.min() > 0.5
    assert values.max() < 1.4
