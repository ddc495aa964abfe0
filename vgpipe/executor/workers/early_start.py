"""Starts the host of workers while the driver still plans, so that both import at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from vgpipe.config.executor_schema import RayConfig
from vgpipe.config.schema import Config
from vgpipe.models.checkpoint.allowed_classes import is_loadable, module_of

LOCAL = "local"


@contextmanager
def host_started_early(config: Config, index: Mapping[str, Any], clips: int) -> Iterator[None]:
    """Starts the host where the run will probably have several workers on this machine; ends it where the block raises.

    With `executor=ray`, Ray is started or joined instead.

    Args:
        config: the whole config.
        index: model_index.json of the model, whose classes the host imports.
        clips: how many are left to make.

    Raises:
        ConfigError: where a cluster cannot be joined.
    """
    if clips and isinstance(config.executor, RayConfig):
        from vgpipe.executor.workers.ray_session import session_started_early

        with session_started_early(config.executor.address):
            yield
        return
    if not _may_have_workers(config, clips):
        yield
        return
    from vgpipe.executor.workers.host_process import end_host, start_host

    start_host(classes_of(index))
    try:
        yield
    except BaseException:
        end_host()
        raise


def _may_have_workers(config: Config, clips: int) -> bool:
    if not clips or config.executor.name != LOCAL:
        return False
    from vgpipe.plans.worker_devices import may_be_several  # a finished job does without the planner

    return may_be_several(config, clips)


def classes_of(index: Mapping[str, Any]) -> list[str]:
    """Returns the classes of the libraries that a model_index.json names, `library:Class`."""
    entries = [["diffusers", index.get("_class_name")], *(one for one in index.values() if isinstance(one, list))]
    pairs = [one for one in entries if len(one) == 2 and is_loadable(one[0]) and isinstance(one[1], str)]
    return [f"{module_of(library)}:{name}" for library, name in pairs]
