"""Finds known-bad versions in pip's metadata: takes milliseconds and imports nothing."""

from __future__ import annotations

import importlib.util
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from vgpipe.errors import Fault, UsageError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

KNOWN_BAD = Path(__file__).with_name("known_bad.toml")
SKIP_VARIABLE = "VGPIPE_SKIP_VERSION_CHECK"
# Packages whose module has another name.
MODULES = {
    "pillow": "PIL",
    "pyyaml": "yaml",
    "hydra-core": "hydra",
    "protobuf": "google.protobuf",
    "nvidia-ml-py": "pynvml",
}

Severity = Literal["broken", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Installed versions that do not work together.

    Attributes:
        packages: name and version of each, `torch 2.4.1`.
        severity: `broken` refuses a run, `warning` only warns.
        sees: the error that the user would see.
        remedy: what to type.
        source: link to its description; empty for a missing package.
    """

    packages: tuple[str, ...]
    severity: Severity
    sees: str
    remedy: str
    source: str = ""


class KnownBad(TypedDict):
    """An entry of `known_bad.toml`, whose head explains the keys."""

    when: list[dict[str, str]]
    severity: Severity
    sees: str
    remedy: str
    source: str


def known_bad() -> list[KnownBad]:
    """Returns the entries of `known_bad.toml`."""
    entries: list[KnownBad] = tomllib.loads(KNOWN_BAD.read_text(encoding="utf-8"))["bad"]
    return entries


def check_versions(versions: Mapping[str, str] | None = None) -> list[Finding]:
    """Compares versions with the known-bad combinations; imports none of the packages.

    Args:
        versions: package -> version; default: what is installed.

    Returns:
        The findings, broken ones first.
    """
    entries = known_bad()
    if versions is None:
        versions = installed({name for entry in entries for table in entry["when"] for name in table})
    known = {normalized(name): version for name, version in versions.items()}
    found = [finding for entry in entries for finding in _findings(entry, known)]
    return sorted(found, key=lambda finding: finding.severity != "broken")


def _findings(entry: KnownBad, known: Mapping[str, str]) -> list[Finding]:
    for table in entry["when"]:
        if all(_allows(specifiers, known.get(normalized(name))) for name, specifiers in table.items()):
            packages = tuple(f"{name} {known[normalized(name)]}" for name in table)
            return [Finding(packages, entry["severity"], entry["sees"], entry["remedy"], entry["source"])]
    return []


def _allows(specifiers: str, version: str | None) -> bool:
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    if version is None:
        return False
    try:
        return SpecifierSet(specifiers).contains(Version(version), prereleases=True)
    except InvalidVersion:  # a local build may have any version
        return False


def normalized(name: str) -> str:
    """Returns a package's normalized name: `huggingface-hub` for `huggingface_hub`."""
    return name.lower().replace("_", "-").replace(".", "-")


def installed(names: Iterable[str]) -> dict[str, str]:
    """Returns package -> version of the installed ones among `names`."""
    found: dict[str, str] = {}
    for name in names:
        try:
            version: str | None = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if version:  # a half-removed package has a folder without a version
            found[name] = version
    return found


def missing_packages() -> list[Finding]:
    """Returns a broken finding for each required package that is not installed."""
    found = []
    for requirement in own_requirements():
        name = requirement.name
        if not installed([name]) and not _has_folder(name):
            remedy = f"pip install {quoted(requirement)}"
            found.append(Finding((name,), "broken", "is not installed", remedy))
    return found


def own_requirements() -> list[Requirement]:
    """Returns vgpipe's own requirements for this machine; empty if it is not installed."""
    from packaging.requirements import Requirement

    try:
        texts = metadata.requires("vgpipe") or []
    except metadata.PackageNotFoundError:
        return []
    wanted = [Requirement(text) for text in texts]
    return [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def quoted(requirement: Requirement) -> str:
    """Returns a requirement as typed in a shell."""
    text = f"{requirement.name}{requirement.specifier}"
    return f'"{text}"' if requirement.specifier else text


def _has_folder(name: str) -> bool:
    try:
        return importlib.util.find_spec(MODULES.get(normalized(name), name.replace("-", "_"))) is not None
    except (ImportError, ValueError):
        return False


def require_good_versions(warn: Callable[[str], object]) -> bool:
    """Refuses to start with versions that are known not to work, before anything heavy is imported.

    Args:
        warn: called with one line for each warning.

    Returns:
        Whether it looked, and found nothing at all.

    Raises:
        UsageError: with every broken combination and its remedy, unless `VGPIPE_SKIP_VERSION_CHECK=1`.
    """
    if os.environ.get(SKIP_VARIABLE, "") not in ("", "0"):
        return False
    found = _all_findings()
    for finding in found:
        if finding.severity == "warning":
            warn(f"vgpipe: warning: {_fault(finding)}")
    faults = [_fault(finding) for finding in found if finding.severity == "broken"]
    if faults:
        raise UsageError(
            f"the installed packages do not work together; nothing was started ({SKIP_VARIABLE}=1 starts anyway)",
            faults,
        )
    return not found


def _all_findings() -> list[Finding]:
    if importlib.util.find_spec("packaging") is None:
        return [Finding(("packaging",), "broken", "is not installed", "pip install packaging")]
    return [*missing_packages(), *check_versions()]


def _fault(finding: Finding) -> Fault:
    source = f" ({finding.source})" if finding.source else ""
    return Fault(" + ".join(finding.packages), f"{finding.sees}{source}", finding.remedy)
