"""What has changed between two recipes of one clip, or between a recipe and what is here now, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgpipe.provenance.recipe import LIBRARIES


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns what may make latents come out otherwise, one line each; empty where nothing does.

    Args:
        then: the recipe in the file; any JSON, as it may be anybody's.
        now: the same keys, as they are here: `parts`, `versions`, `device`, `latents`.
    """
    parts = _changed_parts(_table(then.get("parts")), _table(now.get("parts")))
    others = [*parts, *_changed_versions(then, now), *_other_device(then, now)]
    if not parts and _names(then) != _names(now):
        made_by = _table(then.get("versions")).get("vgpipe")
        others.append(f"vgpipe makes these latents in another way than {_shown(made_by)} did")
    return tuple(others)


def _changed_parts(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    changed: dict[str, list[str]] = {}
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            stage, _, part = name.partition(".")
            changed.setdefault(part, []).append(stage)
    return [f"{part} has other files or settings now ({', '.join(stages)})" for part, stages in changed.items()]


def _changed_versions(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    before, after = _table(then.get("versions")), _table(now.get("versions"))
    pairs = [(name, before.get(name), after.get(name)) for name in LIBRARIES]
    return [f"{name} {_shown(old)} then, {_shown(new)} now" for name, old, new in pairs if old != new]


def _other_device(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    old, new = then.get("device"), now.get("device")
    return [] if old == new else [f"made on {_shown(old)}, this is {_shown(new)}"]


def _names(recipe: Mapping[str, Any]) -> list[Any]:
    return [_table(one).get("key") for one in _list(recipe.get("latents"))]


def checksums(recipe: Mapping[str, Any]) -> list[Any]:
    """Returns the checksums of the latents that a file was made from, as its recipe has them."""
    return [_table(one).get("sha256") for one in _list(recipe.get("latents"))]


def _shown(value: Any) -> str:
    return "something unknown" if value is None else str(value)[:80]


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
