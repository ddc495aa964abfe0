"""Muon for matrices and convolution kernels, AdamW for everything else, as one optimizer."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalised(update_NRC: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Nearest semi-orthogonal matrices, by the quintic Newton-Schulz iteration.

    Args:
        update_NRC: N matrices of R rows and C columns, float32.
        iterations: Five are enough for singular values near one.

    Returns:
        The matrices, float32, (N, R, C).
    """
    a, b, c = NEWTON_SCHULZ
    tall = update_NRC.shape[1] > update_NRC.shape[2]
    x = update_NRC.mT if tall else update_NRC
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


class MuonAdamW(torch.optim.Optimizer):
    """Muon with Nesterov momentum on the matrices, AdamW on vectors, embeddings and norms.

    Muon's steps are scaled to a root mean square of 0.2 times the learning rate, so both kinds share a scale.
    """

    def __init__(self, groups: Iterable[dict]) -> None:
        """Args: groups: Dicts with ``params``, ``lr``, ``kind`` ("muon" or "adamw") and ``weight_decay``."""
        super().__init__(list(groups), {"lr": 1e-3, "kind": "adamw", "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure=None) -> None:  # type: ignore[override]
        """Apply one update from the gradients at hand."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if group["kind"] == "muon":
                self._step_muon(params, group["lr"], group["weight_decay"])
            else:
                self._step_adamw(params, group["lr"], group["weight_decay"])

    def _step_muon(self, params: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        by_shape = defaultdict(list)
        for p in params:
            by_shape[p.shape].append(p)
        for shape, same in by_shape.items():
            nesterov = [self._momentum(p).flatten(1) for p in same]
            update_NRC = orthogonalised(torch.stack(nesterov))
            scale = 0.2 * max(update_NRC.shape[1:]) ** 0.5
            for p, update_RC in zip(same, update_NRC, strict=True):
                p.mul_(1 - lr * weight_decay).add_(update_RC.view(shape), alpha=-lr * scale)

    def _momentum(self, p: nn.Parameter, beta: float = 0.95) -> torch.Tensor:
        state = self.state[p]
        if "average" not in state:
            state["average"] = torch.zeros_like(p)
        gradient = p.grad if p.grad is not None else torch.zeros_like(p)
        state["average"].lerp_(gradient, 1 - beta)
        return gradient.lerp(state["average"], beta)

    def _step_adamw(self, params: list[nn.Parameter], lr: float, weight_decay: float) -> None:
        for p in params:
            state = self.state[p]
            if "count" not in state:
                state.update(count=0, average=torch.zeros_like(p), square=torch.zeros_like(p))
            state["count"] += 1
            state["average"].lerp_(p.grad, 0.1)
            state["square"].mul_(0.99).addcmul_(p.grad, p.grad, value=0.01)
            mean = state["average"] / (1 - 0.9 ** state["count"])
            root = (state["square"] / (1 - 0.99 ** state["count"])).sqrt()
            p.mul_(1 - lr * weight_decay).add_(mean / (root + 1e-8), alpha=-lr)


def optimizer_for(modules: Iterable[nn.Module], lr: float, weight_decay: float = 0.0) -> MuonAdamW:
    """Sort the trainable parameters of some modules into Muon's and AdamW's.

    Args:
        modules: What to train; parameters that need no gradient are left out.
        lr: Peak learning rate of both kinds.
        weight_decay: Decoupled decay of the matrices.
    """
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in modules:
        embeddings = {id(p) for m in module.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
        for p in (p for p in module.parameters() if p.requires_grad):
            is_matrix = p.ndim >= 2 and min(p.shape[0], p.numel() // p.shape[0]) > 1 and id(p) not in embeddings
            (matrices if is_matrix else others).append(p)
    return MuonAdamW(
        [
            {"params": matrices, "lr": lr, "kind": "muon", "weight_decay": weight_decay},
            {"params": others, "lr": lr, "kind": "adamw"},
        ]
    )
