"""Step caches by diffusers' own hooks; nothing else in vgpipe knows them.

Written for diffusers 0.42.1. Its hooks keep their state from one call of a pipeline to the next, so that a call that
raised changes what the next one makes; nothing saves that state; and pipelines that tell SeaCache which step it is
count from the one that they begin with. A diffusers that resets its caches itself, and gives and takes their state,
would make all but `_config` unnecessary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from vgpipe.models.caches import states
from vgpipe.models.caches.choice import StepCache
from vgpipe.models.caches.memory import CacheMemory
from vgpipe.vocabulary import FIRSTBLOCK, MAGCACHE, SEACACHE

if TYPE_CHECKING:
    from vgpipe.models.resumable import ResumableScheduler

BLOCKS = ("blocks", "transformer_blocks", "single_transformer_blocks")
"""Where denoisers hold the blocks that a cache may skip, in the order of their calls."""
REGISTRY, FORWARD, CONTEXT = "_diffusers_hook", "forward", "cache_context"


@contextmanager
def caching(
    cache: StepCache | None,
    denoisers: Mapping[str, Any],
    scheduler: ResumableScheduler,
    memory: CacheMemory,
    *,
    num_inference_steps: int,
) -> Iterator[None]:
    """Has denoisers reuse what they computed at earlier steps while the context is open.

    They begin as if never called, or with the state that `memory` holds of an interrupted pass, and are left without a
    trace of the cache, whatever happens meanwhile.

    Args:
        cache: which; None changes nothing.
        denoisers: loaded modules by component; changed in place while the context is open.
        scheduler: counts the steps.
        memory: holds the state to begin with; while the context is open, gives the current one.
        num_inference_steps: steps of the whole schedule.
    """
    if cache is None:
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(_others_may_leave())
        for module in denoisers.values():
            stack.enter_context(_enabled(module, cache, num_inference_steps, memory))
            stack.enter_context(_told_the_step(module, scheduler, memory))
        states.restore(denoisers, memory.saved, memory.device)
        stack.enter_context(memory.reading(lambda: states.current(denoisers)))
        yield


def _config(cache: StepCache, num_inference_steps: int) -> Any:
    """Returns what diffusers is asked for; numbers that are not named are its own defaults.

    TaylorSeer is asked for in its light form, which predicts what the last layer gives and skips all blocks: its state
    is two tensors of the latents' size. In its other form it keeps what each attention layer gave at two steps, which
    for a model of 14B parameters at 720p is 200 GB.
    """
    import diffusers.hooks as hooks
    import torch

    if cache.name == SEACACHE:
        return hooks.SeaCacheConfig(threshold=cache.threshold)
    if cache.name == FIRSTBLOCK:
        return hooks.FirstBlockCacheConfig(threshold=cache.threshold)
    if cache.name == MAGCACHE:
        ratios = torch.tensor(cache.mag_ratios)
        return hooks.MagCacheConfig(
            threshold=cache.threshold, num_inference_steps=num_inference_steps, mag_ratios=ratios
        )
    return hooks.TaylorSeerCacheConfig(
        cache_interval=cache.interval, use_lite_mode=True, taylor_factors_dtype=torch.float32
    )


@contextmanager
def _others_may_leave() -> Iterator[None]:
    """Lets hooks that were there before be removed meanwhile, as those are that learn the order of streamed offloading.

    diffusers puts what such a hook leaves in place of what the next one does, rather than of what that one calls: the
    cache would do nothing for the rest of the first clip.
    """
    from diffusers.hooks import HookRegistry

    original = HookRegistry.remove_hook

    def remove_hook(registry: Any, name: str, recurse: bool = True) -> None:
        names = registry._hook_order
        at = names.index(name) + 1 if name in names else len(names)
        replacing = [one for one in registry._fn_refs[at : at + 1] if one.original_forward is not None]
        forwards = [one.forward for one in replacing]
        original(registry, name, recurse)
        for one, forward in zip(replacing, forwards, strict=True):
            one.original_forward, one.forward = one.forward, forward

    with mock.patch.object(HookRegistry, "remove_hook", remove_hook):
        yield


@contextmanager
def _enabled(module: Any, cache: StepCache, num_inference_steps: int, memory: CacheMemory) -> Iterator[None]:
    before = {one: (REGISTRY in vars(one), vars(one).get(FORWARD)) for one in module.modules()}
    try:
        with _counted(module, "calls", memory), _counted(_last_block(module), "computed", memory):
            module.enable_cache(_config(cache, num_inference_steps))
            try:
                yield
            finally:
                module.disable_cache()
    finally:
        for one, (had_registry, forward) in before.items():
            if not had_registry and REGISTRY in vars(one):
                _forget(one, forward)


@contextmanager
def _counted(module: Any, name: str, memory: CacheMemory) -> Iterator[None]:
    """Counts the calls of a module that hooks registered later let through."""
    from diffusers.hooks import HookRegistry, ModelHook

    class Count(ModelHook):  # type: ignore[misc] # diffusers has no types
        def pre_forward(self, _module: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
            setattr(memory, name, getattr(memory, name) + 1)
            return args, kwargs

    registry = HookRegistry.check_if_exists_or_initialize(module)
    registry.register_hook(Count(), f"vgpipe_{name}")
    try:
        yield
    finally:
        registry.remove_hook(f"vgpipe_{name}", recurse=False)


def _last_block(module: Any) -> Any:
    held = [getattr(module, name) for name in BLOCKS if len(getattr(module, name, ()))]
    return held[-1][-1]


def _forget(module: Any, forward: Any) -> None:
    """Takes the empty registry off a module, which would keep it alive: both know each other."""
    del vars(module)[REGISTRY]
    vars(module).pop(FORWARD, None)
    if forward is not None:
        vars(module)[FORWARD] = forward


@contextmanager
def _told_the_step(module: Any, scheduler: ResumableScheduler, memory: CacheMemory) -> Iterator[None]:
    """Tells the hooks which step of the whole schedule it is, whatever the pipeline tells them, and counts calls."""
    original = module.cache_context

    @contextmanager
    def cache_context(name: str, **_given: Any) -> Iterator[None]:
        memory.entered(lambda window: _set_context(module, f"{name}#{window}", scheduler))
        with original(name, **_position(scheduler)):
            yield

    vars(module)[CONTEXT] = cache_context
    try:
        yield
    finally:
        del vars(module)[CONTEXT]


def _position(scheduler: ResumableScheduler) -> dict[str, Any]:
    step, wrapped = scheduler.done_steps + scheduler.steps, scheduler.wrapped
    if wrapped.timesteps is None:  # a call that is stopped before its denoiser, with a scheduler of its own
        return {}
    sigmas = getattr(wrapped, "sigmas", None)
    return {
        "step_index": step,
        "num_inference_steps": len(wrapped.timesteps),
        "sigma": None if sigmas is None else float(sigmas[step]),
    }


def _set_context(module: Any, name: str, scheduler: ResumableScheduler) -> None:
    from diffusers.hooks.hooks import CacheContext, _set_cache_context

    _set_cache_context(module, CacheContext(name, **_position(scheduler)))
