"""The first steps of a clip: they end with what the model predicts, and leave a checkpoint to continue from."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgpipe.errors import ModelError, StoreError
from vgpipe.stages import checkpoints
from vgpipe.stages.checkpoints import DenoiseCheckpoint
from vgpipe.stages.denoise_run import DenoiseRun

if TYPE_CHECKING:
    import torch

    from vgpipe.models.base import Family

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class DraftRun(DenoiseRun):
    """Denoising of one clip up to `last_step`, after which its loop has the model's prediction instead of latents.

    The checkpoint of that step is held back, for whoever writes the preview first: a kill in between leaves an older
    checkpoint, from which both can be made again. A checkpoint that is as far or farther stays as it is, and what is
    shown is then denoised from noise, since no checkpoint has the prediction of its own step.

    Attributes:
        family: knows how its loop lays out latents.
        last_step: loop iterations after which the pass ends.
        checkpoint: of the clip at that step; None before it, and where one on the disk is as far.
    """

    family: Family
    last_step: int
    checkpoint: DenoiseCheckpoint | None = None

    def write_checkpoint(self) -> None:
        """Writes the checkpoint of the last step, unless one on the disk is as far.

        Raises:
            StoreError: where it cannot be written.
        """
        if self.checkpoint is None:
            return
        try:
            checkpoints.write(self.store, self.key, self.checkpoint)
        except OSError as error:
            raise StoreError(f"the checkpoint of a draft could not be stored: {error}") from error

    def discard_checkpoint(self) -> None:
        """Removes the clip's checkpoint, unless it is farther than this pass."""
        if self._may_save:
            checkpoints.remove(self.store, self.key)

    def _found(self) -> DenoiseCheckpoint | None:
        found = super()._found()
        self._may_save = found is None or found.done_steps < self.last_step
        return found if self._may_save else None

    def _on_step_end(self, steps: int, latents: torch.Tensor | None) -> None:
        if latents is None:
            raise ModelError(f"the family {self.family.name} gives no latents between its steps -> leave draft out")
        if self.scheduler.predicted is None:
            super()._on_step_end(steps, latents)
            return
        done = self.first_step + steps
        self.hooks.on_step(done)
        if self._may_save:
            self.checkpoint = self._own_checkpoint(done, latents)
        # What the loop holds is replaced in place: not every pipeline takes other latents from its callback.
        latents.copy_(self.family.loop_latents(self.scheduler.predicted, latents))

    def _own_checkpoint(self, done: int, latents: torch.Tensor) -> DenoiseCheckpoint:
        try:
            return self._checkpoint(done, latents.clone())
        except TypeError as error:
            raise ModelError(f"no draft can be continued: {error} -> leave draft out") from error

    def _is_due(self, done: int) -> bool:
        return self._may_save and super()._is_due(done)

    def _save(self, done: int, latents: torch.Tensor) -> None:
        if self._may_save:
            super()._save(done, latents)
