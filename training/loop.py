"""What both trainings share: two averaging processes, the learning-rate plan, checkpoints that resume."""

import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from training.muon import MuonAdamW

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    Attributes:
        steps: Optimizer steps in all.
        lr: Peak learning rate, reached after ``warmup_steps``, falling to zero along a half cosine.
        warmup_steps: Steps of the linear warm-up.
        seed: Seed of everything random; each (rank, step) draws from its own generator.
        save_every_s: Seconds between checkpoints.
    """

    steps: int
    lr: float
    warmup_steps: int = 50
    seed: int = 0
    save_every_s: float = 120.0

    def lr_at(self, step: int) -> float:
        """Learning rate of a step (0-based)."""
        if step < self.warmup_steps:
            return self.lr * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.lr * 0.5 * (1 + torch.cos(torch.tensor(done * torch.pi)).item())


def rng_of(plan: Plan, step: int, rank: int) -> random.Random:
    """A generator that depends on nothing but its arguments, so a resumed run draws the same data.

    Seeds torch's global generator alike.
    """
    rng = random.Random(f"{plan.seed} {step} {rank}")
    torch.manual_seed(rng.getrandbits(48))
    return rng


def launch(worker: Callable[..., None], processes: int, *args: object) -> None:
    """Run ``worker(rank, *args)`` in processes of one thread each, which average gradients over gloo.

    Two processes of one thread are faster than one of two threads for kernels this small.
    """
    if processes == 1:
        worker(0, *args)
        return
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(random.Random(os.getpid()).randint(20000, 40000)))
    mp.spawn(_joined, (worker, processes, args), nprocs=processes)


def _joined(rank: int, worker: Callable[..., None], processes: int, args: tuple) -> None:
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO if rank == 0 else logging.ERROR, format="%(asctime)s %(message)s")
    dist.init_process_group("gloo", rank=rank, world_size=processes)
    worker(rank, *args)
    dist.destroy_process_group()


def average_gradients(optimizer: MuonAdamW) -> None:
    """Replace every gradient by its mean over the processes, in one flat exchange."""
    if not dist.is_initialized():
        return
    params = [p for g in optimizer.param_groups for p in g["params"]]
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for p, g in zip(params, flat.split([g.numel() for g in grads]), strict=True):
        p.grad = g.view(p.shape)


def save_checkpoint(path: Path, step: int, modules: dict[str, nn.Module], optimizer: MuonAdamW) -> None:
    """Write the training state atomically to ``path``."""
    state = {name: m.state_dict() for name, m in modules.items()}
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "modules": state, "optimizer": optimizer.state_dict()}, partial)
    partial.replace(path)


def load_checkpoint(path: Path, modules: dict[str, nn.Module], optimizer: MuonAdamW | None = None) -> int:
    """Restore what :func:`save_checkpoint` wrote.

    Args:
        path: The checkpoint.
        modules: Names as saved, and the modules to fill; others in the file are ignored.
        optimizer: Restored too when given; its groups keep their own learning rates' plan.

    Returns:
        The number of steps done.
    """
    state = torch.load(path, weights_only=True)
    for name, module in modules.items():
        module.load_state_dict(state["modules"][name])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return state["step"]


def train(
    plan: Plan,
    rank: int,
    path: Path,
    modules: dict[str, nn.Module],
    optimizer: MuonAdamW,
    loss_of: Callable[[int, random.Random], dict[str, torch.Tensor]],
    *,
    after_step: Callable[[int], None] = lambda step: None,
) -> None:
    """Train from the checkpoint at ``path``, if there is one, to the end of the plan.

    Args:
        plan: Steps and learning rate.
        rank: This process; rank 0 alone writes.
        path: Checkpoint, written every ``plan.save_every_s`` and at the end.
        modules: What to save, by name.
        optimizer: Steps after the gradients are averaged.
        loss_of: Gives the named losses of a step; "loss" is minimised, the others are logged.
        after_step: Called after each optimizer step, e.g. to average weights.
    """
    start = load_checkpoint(path, modules, optimizer) if path.exists() else 0
    began_s = saved_s = time.monotonic()
    for step in range(start, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.lr_at(step)
        losses = loss_of(step, rng_of(plan, step, rank))
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        average_gradients(optimizer)
        optimizer.step()
        after_step(step)
        if step % 25 == 0 or step == plan.steps - 1:
            text = " ".join(f"{k} {v.item():.5f}" for k, v in losses.items())
            log.info("step %d %s (%.2f s/step)", step, text, (time.monotonic() - began_s) / (step - start + 1))
        due = time.monotonic() - saved_s > plan.save_every_s
        if rank == 0 and (due or step == plan.steps - 1):
            save_checkpoint(path, step + 1, modules, optimizer)
            saved_s = time.monotonic()
