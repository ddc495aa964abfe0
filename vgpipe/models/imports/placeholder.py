"""A placeholder for a module that a library imports at its start and uses rarely; the first use imports the module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

IMPORT_SYSTEM = ("importlib._bootstrap", "_frozen_importlib")
"""Asks a package for its path only when it imports a submodule of it."""

_lock = threading.RLock()


class LaterName:
    """A function or class that is imported when it is first called or looked into.

    `isinstance` needs no import: of a class whose module was never imported, there is no instance.

    Args:
        module: where it is.
        name: its name there.
    """

    def __init__(self, module: str, name: str):
        self._later_module, self._later_name = module, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls what it stands for."""
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return is_imported(self._later_module) and isinstance(instance, self._real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return is_imported(self._later_module) and issubclass(subclass, self._real())

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)

    def __getitem__(self, key: Any) -> Any:
        return self._real()[key]

    def __or__(self, other: Any) -> Any:
        return self._real() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._real()

    def _real(self) -> Any:
        return getattr(_import(self._later_module), self._later_name)


class Placeholder(ModuleType):
    """Has a few names of a module; whatever else is asked of it imports the module, which then takes its place.

    Args:
        name: of the module.
        names: what it has itself.
        users: packages that get these names; all others get those of the module. None is for any package.
        on_import: called with the module once it is imported.
    """

    def __init__(
        self,
        name: str,
        names: Mapping[str, Any],
        users: Collection[str] | None = None,
        on_import: Callable[[Any], None] | None = None,
    ):
        super().__init__(name)
        # Finding the spec of a submodule would import its package; without any, a module passes for an incomplete one.
        self.__spec__ = importlib.util.find_spec(name) if "." not in name else ModuleSpec(name, loader=None)
        self._names, self._users, self._on_import = names, users, on_import

    def __getattr__(self, name: str) -> Any:
        if name in self._names and (self._users is None or _asking_module().partition(".")[0] in self._users):
            return self._names[name]
        if name.startswith("__") and not (name == "__path__" and _asking_module() in IMPORT_SYSTEM):
            raise AttributeError(name)  # `inspect` and others ask every module for such names
        return getattr(_import(self.__name__), name)


def place(placeholder: Placeholder) -> None:
    """Puts a placeholder where imports look for its module; does nothing where that is imported already."""
    with _lock:
        sys.modules.setdefault(placeholder.__name__, placeholder)


def remove(name: str) -> None:
    """Removes a placeholder, so that the next import of the module is a real one."""
    with _lock:
        if isinstance(sys.modules.get(name), Placeholder):
            del sys.modules[name]


def is_imported(name: str) -> bool:
    """Says whether a module itself is imported."""
    return name in sys.modules and not isinstance(sys.modules[name], Placeholder)


def _import(name: str) -> ModuleType:
    """Imports a module in place of its placeholder; those of the same package go too, for it must not get any."""
    with _lock:
        found = sys.modules.get(name)
        for other in [other for other, module in sys.modules.items() if isinstance(module, Placeholder)]:
            if _package(other) == _package(name):
                del sys.modules[other]
    module = importlib.import_module(name)
    if isinstance(found, Placeholder) and found._on_import is not None:
        found._on_import(module)
    return module


def _package(name: str) -> str:
    """Returns the package of a module; of torch's, the part that hangs together."""
    parts = name.split(".")
    return ".".join(parts[: 2 if parts[0] == "torch" else 1])


def _asking_module() -> str:
    """Returns the name of the module whose code asks a placeholder for a name."""
    return str(sys._getframe(2).f_globals.get("__name__", ""))
