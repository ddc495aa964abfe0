"""Whether a worker on another machine has what the driver has: the same versions, and the same files of the model."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from vgpipe import __version__
from vgpipe.clips.degradation import Degradation
from vgpipe.store.artifacts import installed_versions

COMPARED = ("vgpipe", "torch", "diffusers", "transformers", "numpy")
"""The packages on which bits depend."""
ALLOW = "executor.allow_version_skew=true"
VERSIONS = "versions"
"""The kind of the degradation."""


def versions_here() -> dict[str, str]:
    """Returns package -> version, as far as the packages are installed."""
    found = {"vgpipe": __version__, **installed_versions()}
    try:
        return {**found, "numpy": version("numpy")}
    except PackageNotFoundError:
        return found


def skew(here: Mapping[str, str], there: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Returns package -> its version here and there, of those that differ; the kind of build does not count.

    Args:
        here: package -> version.
        there: the same, elsewhere.
    """
    both = {name: (here.get(name, "none"), there.get(name, "none")) for name in COMPARED}
    return {name: pair for name, pair in both.items() if _release(pair[0]) != _release(pair[1])}


def refusal_of_versions(found: Mapping[str, tuple[str, str]]) -> str:
    """Returns why a worker with other versions is refused, and what to do."""
    told = ", ".join(f"{name} {there} (the driver has {here})" for name, (here, there) in found.items())
    return f"it has {told}: its clips could have other bits -> install the same there, or {ALLOW}"


def refusal_of_model(model: str, place: str) -> str:
    """Returns why a worker with other files of a model is refused.

    Args:
        model: as `model.id` names it.
        place: the name of its machine.
    """
    return f"the files of {model} on {place} are not those that the driver has -> copy the driver's there"


def degradation_of(found: Mapping[str, tuple[str, str]], worker: str) -> Degradation:
    """Returns what is recorded of a clip that a worker with other versions has made.

    Args:
        found: what `skew` gives.
        worker: its name.
    """
    asked = ", ".join(f"{name} {here}" for name, (here, _) in found.items())
    got = ", ".join(f"{name} {there}" for name, (_, there) in found.items())
    return Degradation(VERSIONS, asked, got, f"made by worker {worker}, which {ALLOW} allows")


def _release(text: str) -> str:
    """Returns a version without the build after it: `2.13.0` of `2.13.0+cu126`."""
    return text.partition("+")[0]
