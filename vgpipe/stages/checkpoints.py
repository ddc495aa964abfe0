"""Denoising checkpoints: everything a clip needs to resume with bit-identical output.

One file a clip, replaced at once: latents, the scheduler's whole state with its multistep history, the generator's
state, and a checksum over all tensors.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgpipe.outside_file import open_outside
from vgpipe.stages import tensors
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.store.durable import flush_file, flush_folder, make_folder, set_aside, temporary_path
from vgpipe.units import GIB
from vgpipe.vocabulary import CHECKPOINT

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

SUFFIX, SCHEMA = ".safetensors", 2
MAX_BYTES = 16 * GIB
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What reading a damaged checkpoint raises."""
FIRST_SCHEMA = 1
"""Does not say which latents it belongs to."""


@dataclass(frozen=True, slots=True)
class DenoiseCheckpoint:
    """A clip in the middle of denoising.

    Attributes:
        done_steps: loop iterations done.
        latents: in the layout and dtype of the pipeline's loop, CPU.
        scheduler: what `scheduler_state` gave.
        generator: the CPU generator's state, uint8.
        cache: what a step cache remembers, of `CacheMemory.current`; empty without one.
    """

    done_steps: int
    latents: torch.Tensor
    scheduler: dict[str, Any]
    generator: torch.Tensor
    cache: Mapping[str, Any] = field(default_factory=dict)


def path_of(store: Store, key: Key) -> Path:
    """Returns where the checkpoint of a clip's latents lies, made or not."""
    return store.root / CHECKPOINT / key.digest[:2] / f"{key.digest}{SUFFIX}"


def write(store: Store, key: Key, checkpoint: DenoiseCheckpoint) -> None:
    """Replaces the clip's checkpoint; on return it is on the disk.

    Raises:
        OSError: where it cannot be written; the previous one it is then still whole.
    """
    path = path_of(store, key)
    make_folder(path.parent)
    flat = {"latents": checkpoint.latents, "generator": checkpoint.generator}
    layout = _flatten("scheduler", checkpoint.scheduler, flat)
    facts = {
        "schema": SCHEMA,
        "latents": key.digest,
        "done_steps": checkpoint.done_steps,
        "scheduler": layout,
    }
    if checkpoint.cache:
        facts["cache"] = _flatten("cache", checkpoint.cache, flat)
    temporary = temporary_path(path)
    try:
        tensors.save(temporary, flat, {**facts, "sha256": _sum(flat, facts)})
        flush_file(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)
    store.publish(path)


def read(store: Store, key: Key, device: str) -> DenoiseCheckpoint | None:
    """Returns the clip's checkpoint, or None; a damaged one is set aside and named in the log.

    Args:
        store: where it lies.
        key: of the clip's latents.
        device: where scheduler tensors go that were on an accelerator when they were saved.
    """
    path = path_of(store, key)
    store.fetch(path)
    if not os.path.lexists(path):
        return None
    try:
        return _load(path, key.digest, device)
    except DAMAGE as error:
        log.warning("damaged checkpoint %s (%s): set aside, the clip starts over", path, error)
        set_aside(path)
        return None


def damage(path: Path) -> str:
    """Returns what is wrong with a checkpoint; empty for one that is whole. Changes nothing."""
    try:
        _load(path, path.name.removesuffix(SUFFIX), "cpu")
    except DAMAGE as error:
        return str(error) or type(error).__name__
    return ""


def _load(path: Path, digest: str, device: str) -> DenoiseCheckpoint:
    """Reads a checkpoint.

    Raises:
        One of `DAMAGE`: where it is not as it was written.
    """
    with open_outside(path, max_bytes=MAX_BYTES) as file:
        flat, facts = tensors.load(file.read())
    written = facts.pop("sha256")
    if facts["schema"] not in (FIRST_SCHEMA, SCHEMA) or written != _sum(flat, facts):
        raise ValueError("checksum does not match")
    if facts["schema"] == SCHEMA and facts["latents"] != digest:
        raise ValueError("it is that of another clip")
    state, cache = (
        {name: _unflatten(value, flat, device) for name, value in facts.get(owner, {}).items()}
        for owner in ("scheduler", "cache")
    )
    return DenoiseCheckpoint(facts["done_steps"], flat["latents"], state, flat["generator"], cache)


def remove(store: Store, key: Key) -> None:
    """Removes the clip's checkpoint, if any."""
    path = path_of(store, key)
    path.unlink(missing_ok=True)
    store.retract(path)


def steps_of(store: Store, key: Key) -> int:
    """Returns how many steps the clip's checkpoint says it has done, as `done_steps`; 0 where there is none.

    Args:
        store: where it lies; one that is a copy of another's fetches it first.
        key: of the clip's latents.
    """
    path = path_of(store, key)
    store.fetch(path)
    return done_steps(path)


def done_steps(path: Path) -> int:
    """Returns how many steps a checkpoint says it has done; 0 where there is none, or one that cannot be read.

    Reads its header alone; whether it is whole, `read` finds out.
    """
    try:
        with open_outside(path, max_bytes=MAX_BYTES) as file:
            done = tensors.facts_of(file).get("done_steps")
    except (OSError, ValueError, RecursionError):
        return 0
    return done if isinstance(done, int) else 0


def _sum(flat: dict[str, torch.Tensor], facts: dict[str, Any]) -> str:
    import torch

    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(flat):
        tensor = flat[name].detach().cpu().contiguous()
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        if tensor.numel():  # an empty one cannot be seen as bytes
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _flatten(name: str, value: Any, flat: dict[str, torch.Tensor]) -> Any:
    """Moves every tensor in `value` to `flat`; returns the layout that `_unflatten` fills again."""
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        flat[name] = value
        return {"tensor": name, "on_cpu": value.device.type == "cpu"}
    if isinstance(value, np.ndarray):
        flat[name] = torch.from_numpy(value)
        return {"array": name}
    if isinstance(value, list):
        return {"list": [_flatten(f"{name}.{index}", item, flat) for index, item in enumerate(value)]}
    if isinstance(value, Mapping):
        return {key: _flatten(f"{name}.{key}", item, flat) for key, item in value.items()}
    return {"value": value}


def _unflatten(layout: Any, flat: dict[str, torch.Tensor], device: str) -> Any:
    if "tensor" in layout:
        return flat[layout["tensor"]].to("cpu" if layout["on_cpu"] else device)
    if "array" in layout:
        return flat[layout["array"]].numpy()
    if "list" in layout:
        return [_unflatten(item, flat, device) for item in layout["list"]]
    return layout["value"]
