"""Whether a worker that is ready may make clips: it has the versions and the model that the driver has."""

from __future__ import annotations

import logging
from dataclasses import replace

from vgpipe.clips.degradation import Degradation
from vgpipe.config.executor_schema import RayConfig
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.workers.messages import ClipEnded, Ready
from vgpipe.executor.workers.model_digest import family_digest
from vgpipe.executor.workers.pool import Slot
from vgpipe.executor.workers.versions import (
    degradation_of,
    refusal_of_model,
    refusal_of_versions,
    skew,
    versions_here,
)

log = logging.getLogger(__name__)


class Inspection:
    """Compares workers of other machines with the driver.

    Args:
        inputs: what the executor was given.
    """

    def __init__(self, inputs: ExecutorInputs):
        self._inputs = inputs
        self._skewed: dict[str, Degradation] = {}

    def refusal(self, name: str, slot: Slot, ready: Ready) -> str:
        """Returns why a worker may make no clips; "" where it may.

        Args:
            name: of the worker.
            slot: where it is.
            ready: what it says of itself.
        """
        inputs, place = self._inputs, slot.node or ready.host
        if ready.family_digest and ready.family_digest != family_digest(inputs.keys.model.family):
            return refusal_of_model(inputs.model.plan.config.id, place)
        found = skew(versions_here(), ready.versions)
        if not found:
            return ""
        executor = inputs.config.executor
        if not (isinstance(executor, RayConfig) and executor.allow_version_skew):
            return refusal_of_versions(found)
        self._skewed[name] = degradation_of(found, name)
        facts = {package: {"driver": here, "worker": there} for package, (here, there) in found.items()}
        inputs.records.event("version_skew", worker=name, versions=facts)
        log.warning("worker %s has other versions than the driver: %s", name, self._skewed[name])
        return ""

    def noted(self, name: str, ended: ClipEnded) -> ClipEnded:
        """Returns the end of a clip, with what is to be recorded of a worker with other versions."""
        found = self._skewed.get(name)
        return ended if found is None else replace(ended, degradations=(*ended.degradations, found))
