"""What differs between two recipes of one clip, or between a recipe and this machine, in words for the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vgpipe.provenance.recipe import LIBRARIES
from vgpipe.terminal import on_one_line


def recipe_diff(recorded: Mapping[str, object], current: Mapping[str, object]) -> tuple[str, ...]:
    """Returns the differences that may change the latents, one line each; empty if there are none.

    Args:
        recorded: the recipe in a file. It may come from a stranger: any JSON.
        current: `parts`, `versions`, `device` and `latents` as a recipe written on this machine would hold them.
    """
    parts = _changed_parts(_table(recorded.get("parts")), _table(current.get("parts")))
    others = [*_changed_versions(recorded, current), *_changed_device(recorded, current)]
    if not parts and _keys(recorded) != _keys(current):
        made_by = _table(recorded.get("versions")).get("vgpipe")
        others.append(f"vgpipe computes these latents in another way than {_shown(made_by)} did")
    return (*parts, *others)


def latents_checksums(recipe: Mapping[str, object]) -> list[object]:
    """Returns the checksums of the latents that a file was made from, as its recipe records them."""
    return [_table(entry).get("sha256") for entry in _list(recipe.get("latents"))]


def _changed_parts(recorded: Mapping[str, object], current: Mapping[str, object]) -> list[str]:
    stages: dict[str, list[str]] = {}
    for name in sorted(recorded.keys() | current.keys()):
        if recorded.get(name) != current.get(name):
            stage, _, part = name.partition(".")
            stages.setdefault(part, []).append(stage)
    return [f"{part} has other files or settings now ({', '.join(names)})" for part, names in stages.items()]


def _changed_versions(recorded: Mapping[str, object], current: Mapping[str, object]) -> list[str]:
    before, after = _table(recorded.get("versions")), _table(current.get("versions"))
    pairs = [(name, before.get(name), after.get(name)) for name in LIBRARIES]
    return [f"{name} {_shown(old)} then, {_shown(new)} now" for name, old, new in pairs if old != new]


def _changed_device(recorded: Mapping[str, object], current: Mapping[str, object]) -> list[str]:
    old, new = recorded.get("device"), current.get("device")
    return [] if old == new else [f"made on {_shown(old)}, this is {_shown(new)}"]


def _keys(recipe: Mapping[str, object]) -> list[object]:
    """Returns the store keys of the latents."""
    return [_table(entry).get("key") for entry in _list(recipe.get("latents"))]


def _shown(value: object) -> str:
    return "something unknown" if value is None else on_one_line(str(value)[:80])


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []
