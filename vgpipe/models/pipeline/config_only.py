"""What a stock pipeline is given in place of a component that its stage does not load."""

from __future__ import annotations

from typing import Any

from vgpipe.models.checkpoint.checkpoint import Checkpoint


def without_weights(checkpoint: Checkpoint, component: str) -> Any:
    """Returns a diffusers component without weights, on torch's meta device."""
    import torch

    from vgpipe.models.weights.bounded_build import built_on_meta

    return built_on_meta(checkpoint, component, torch.float32)


class ConfigOnlyComponent:
    """Placeholder of a component that a stage does not load: its config, dtype and sizes, but no weights.

    No `torch.nn.Module`, so that a pipeline does not take its device for its own.
    """

    def __init__(self, checkpoint: Checkpoint, component: str, dtype: str):
        import torch

        self._module = without_weights(checkpoint, component)
        self.config = self._module.config
        self.dtype = getattr(torch, dtype)
        self.device = torch.device("cpu")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
