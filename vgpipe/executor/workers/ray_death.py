"""What Ray says of the end of an actor, for people."""

from __future__ import annotations

import re

from ray.exceptions import (
    ActorUnavailableError,
    ActorUnschedulableError,
    GetTimeoutError,
    ObjectLostError,
    ObjectStoreFullError,
    OutOfDiskError,
    RayError,
    RaySystemError,
)

from vgpipe.executor.workers.messages import Died

PASSING = (ActorUnavailableError, ObjectStoreFullError, OutOfDiskError, ObjectLostError, GetTimeoutError)
"""What may be over the next time."""
LOW_MEMORY = "running low on memory"
NODE_DIED = re.compile(r"its node has died|actor's node|node (?:has )?(?:died|was terminated)", re.IGNORECASE)
MISSING_MODULE = re.compile(r"No module named '([\w.]+)'")
COLOR = re.compile(r"\x1b\[[0-9;]*m")
DETAIL = re.compile(r"Worker exit detail: (.*?)(?:\. Some common causes.*)?$", re.MULTILINE)
NO_REFERENCES = "all references to the actor were removed"
"""What Ray says where it cannot ask this process, which has references, since it refuses who has no token."""
OTHER_TOKEN = "this process asks for a token that the cluster does not have -> set RAY_AUTH_MODE as on its nodes"
NEVER_RAN = "The actor never ran"
"""A further line of a reason."""
LOST_CONNECTION = "unexpectedly exits with a connection error"


def is_passing(error: RayError) -> bool:
    """Says whether what was asked of an actor may be asked again: it is out of reach, or the object store is full."""
    return isinstance(error, PASSING) or "ObjectStoreFull" in type(error).__name__


def death_of(error: RayError, node: str, *, is_gone: bool, killed_for: str) -> Died:
    """Returns the end of a worker.

    Args:
        error: what Ray raised.
        node: the name of its machine; "" for this one.
        is_gone: whether the node is no longer alive.
        killed_for: why the driver killed it; "" where it did not.
    """
    text = COLOR.sub("", str(error))
    place = f"node {node}" if node else "this machine"
    if killed_for:
        return Died(killed_for, is_place_gone=is_gone)
    if LOW_MEMORY in text:
        return Died(f"killed by Ray: {place} was {LOW_MEMORY}", by_memory=True)
    if is_gone or NODE_DIED.search(text):
        return Died(f"{place} is gone", is_place_gone=True)
    if isinstance(error, ActorUnschedulableError):
        return Died(f"{place} has no room for it", is_place_gone=True)
    if NO_REFERENCES in text:
        return Died(OTHER_TOKEN, is_place_gone=True)
    missing = MISSING_MODULE.search(text)
    if missing is not None:
        package = missing[1].partition(".")[0]
        reason = f"{place} cannot import {missing[1]}: install {package} there as it is here (pip install {package})"
        return Died(reason, is_place_gone=True)
    return Died(_reason(error, text))


def _reason(error: RayError, text: str) -> str:
    if isinstance(error, RaySystemError):
        return f"Ray: {text.strip().splitlines()[0]}"
    detail = DETAIL.search(text)
    if LOST_CONNECTION in text:
        return "its process was killed, or crashed"
    lines = [line.strip() for line in text.strip().splitlines() if line.strip() and not line.startswith(NEVER_RAN)]
    return detail[1] if detail else lines[-1] if lines else type(error).__name__
