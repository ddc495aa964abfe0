"""Replaces a module's `forward` for a while."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

Forward = Callable[..., Any]
Replacement = Callable[[Forward, dict[str, Any]], Any]

FORWARD = "forward"


@contextmanager
def patched_forward(modules: Iterable[Any], replacement: Replacement) -> Iterator[None]:
    """Replaces the `forward` of some modules by a function while the context is open.

    Args:
        modules: changed in place while the context is open.
        replacement: called with the module's own `forward`, hooks of offloading included, and with the call's arguments
            by name; its result is the module's.
    """
    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(_PatchedModule(module, replacement))
        yield


class _PatchedModule:
    """A module with a replaced `forward`."""

    def __init__(self, module: Any, replacement: Replacement):
        self._module, self._replacement = module, replacement
        # The class's: hooks in front of it, of diffusers before 0.42, do not show its arguments.
        self._signature = inspect.signature(partial(type(module).forward, module))
        self._own: Forward | None = None

    def __enter__(self) -> None:
        # Hooks put theirs into the instance, in front of the class's.
        self._own = vars(self._module).get(FORWARD)
        vars(self._module)[FORWARD] = self._forward

    def __exit__(self, *_error: object) -> None:
        del vars(self._module)[FORWARD]
        if self._own is not None:
            vars(self._module)[FORWARD] = self._own

    def _forward(self, *args: Any, **kwargs: Any) -> Any:
        arguments = dict(self._signature.bind(*args, **kwargs).arguments)
        # The module has its own back while it runs: a hook may take itself off then, as the one that learns the order
        # of diffusers' offloading with streams does after its first call.
        self.__exit__()
        try:
            return self._replacement(lambda **given: self._module.forward(**given), arguments)
        finally:
            self.__enter__()
