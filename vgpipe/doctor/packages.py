"""Checks the libraries: installed, in range, importable, and compatible with each other."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING

from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.optional import OPTIONAL
from vgpipe.doctor.probes import Answer
from vgpipe.doctor.versions import check_versions, installed, known_bad, normalized, own_requirements

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# package -> module to import. The light ones do not import torch and share an interpreter.
HEAVY = {
    "torch": "torch",
    "diffusers": "diffusers",
    "transformers": "transformers",
    "accelerate": "accelerate",
}
LIGHT = {
    "huggingface_hub": "huggingface_hub",
    "safetensors": "safetensors",
    "tokenizers": "tokenizers",
    "sentencepiece": "sentencepiece",
    "protobuf": "google.protobuf",
    "numpy": "numpy",
    "hydra-core": "hydra",
    "omegaconf": "omegaconf",
    "pydantic": "pydantic",
    "pyyaml": "yaml",
    "packaging": "packaging",
    "pillow": "PIL.Image",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "ftfy": "ftfy",
    "tqdm": "tqdm",
    "rich": "rich",
    "jinja2": "jinja2",
    "filelock": "filelock",
    "platformdirs": "platformdirs",
    "psutil": "psutil",
    "nvidia-ml-py": "pynvml",
}
PYTHON_AT_LEAST = (3, 11)


def package_lines(imports: Mapping[str, Answer]) -> list[ReportLine]:
    """Returns a line for Python and one for each package that vgpipe needs.

    Args:
        imports: module -> the result of importing it.
    """
    ranges = {normalized(one.name): one for one in own_requirements()} if imports["packaging"].ok else {}
    packages = HEAVY | LIGHT
    causes = _causes({name: imports[packages[name]] for name in packages})
    lines = [_line(name, ranges.get(normalized(name)), imports[packages[name]], causes.get(name)) for name in packages]
    return [_python_line(), *lines]


def _causes(imports: Mapping[str, Answer]) -> dict[str, str]:
    """Returns package -> the dependency that fails with the same error, and so probably causes it."""
    first: dict[str, str] = {}
    causes = {}
    for name in (*LIGHT, "torch", "transformers", "accelerate", "diffusers"):
        error = imports[name].error
        if error and first.setdefault(error, name) != name:
            causes[name] = first[error]
    return causes


def _python_line() -> ReportLine:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if tuple(map(int, platform.python_version_tuple()[:2])) < PYTHON_AT_LEAST:
        return ReportLine(Section.PACKAGES, "Python", Status.BROKEN, found, "use Python 3.11 or newer")
    return ReportLine(Section.PACKAGES, "Python", Status.OK, found)


def _line(name: str, wanted: Requirement | None, imported: Answer, cause: str | None) -> ReportLine:
    version = installed([name]).get(name) or (imported.value if imported.ok else "")
    specifier = str(wanted.specifier) if wanted is not None else ""
    typed = f'pip install "{name}{specifier}"' if specifier else f"pip install {name}"
    if imported.skipped:
        found = f"{version or 'no version'}, {imported.error}"
        return ReportLine(Section.PACKAGES, name, Status.WARNING, found, "repair torch first")
    if not imported.ok:
        line = _not_imported(name, version, imported.error, typed)
        return line if cause is None else replace(line, remedy=f"repair {cause} first, which fails with the same error")
    if wanted is not None and specifier and version and not _in_range(wanted, version):
        status = Status.BROKEN if _too_old(wanted, version) else Status.WARNING
        return ReportLine(Section.PACKAGES, name, status, f"{version}, outside vgpipe's {specifier}", typed)
    return ReportLine(Section.PACKAGES, name, Status.OK, version or "installed")


def _not_imported(name: str, version: str, error: str, typed: str) -> ReportLine:
    if not version and "No module named" in error:
        return ReportLine(Section.PACKAGES, name, Status.BROKEN, "not installed", typed)
    missing = missing_module(error)
    remedy = f"pip install {missing}" if missing else typed.replace("pip install", "pip install --force-reinstall")
    found = f"{version or 'no version'}, cannot be imported: {error}"
    return ReportLine(Section.PACKAGES, name, Status.BROKEN, found, remedy)


def missing_module(error: str) -> str:
    """Returns the package that an import error reports as missing; empty for other errors."""
    _, _, rest = error.partition("No module named '")
    return rest.partition("'")[0].partition(".")[0]


def _in_range(wanted: Requirement, version: str) -> bool:
    from packaging.version import InvalidVersion

    try:
        return bool(wanted.specifier.contains(version, prereleases=True))
    except InvalidVersion:  # a local build may have any version
        return True


def _too_old(wanted: Requirement, version: str) -> bool:
    from packaging.version import Version

    least = [one.version for one in wanted.specifier if one.operator in (">=", "~=", "==")]
    return any(Version(version) < Version(bound) for bound in least)


def torch_line(torch: Answer) -> list[ReportLine]:
    """Returns lines for torch's build and this machine's driver.

    Args:
        torch: the answer to `torch`.
    """
    if not torch.ok:
        return []
    build, reason = torch.value["build"], torch.value["reason"]
    lines = []
    if torch.value["numpy"]:
        remedy = 'pip install "torch>=2.6" "numpy>=1.26"'
        lines = [ReportLine(Section.DEVICE, "torch with numpy", Status.BROKEN, torch.value["numpy"], remedy)]
    if reason:
        remedy = "update the driver, or install a build for it: pytorch.org/get-started/locally"
        return [
            *lines,
            ReportLine(Section.DEVICE, "torch build", Status.WARNING, f"{build}, runs on the CPU: {reason}", remedy),
        ]
    return [*lines, ReportLine(Section.DEVICE, "torch build", Status.OK, f"{build}, runs on {torch.value['device']}")]


def version_lines(packaging: Answer) -> list[ReportLine]:
    """Returns lines for the installed known-bad combinations and the unmet requirements.

    Args:
        packaging: the result of importing `packaging`, which compares versions.
    """
    if not packaging.ok:
        text = "not compared: packaging does not work"
        return [ReportLine(Section.VERSIONS, "versions", Status.WARNING, text, "repair packaging first")]
    if found := [*_known_bad_lines(), *_conflict_lines()]:
        return found
    known = f"none of the {len(known_bad())} known-bad combinations is installed"
    return [
        ReportLine(Section.VERSIONS, "known-bad", Status.OK, known),
        ReportLine(Section.VERSIONS, "requirements", Status.OK, "the requirements of all libraries are met"),
    ]


def _known_bad_lines() -> list[ReportLine]:
    return [
        ReportLine(
            Section.VERSIONS,
            " + ".join(finding.packages),
            Status(finding.severity),
            f"{finding.sees} ({finding.source})",
            finding.remedy,
        )
        for finding in check_versions()
    ]


def _conflict_lines() -> list[ReportLine]:
    from packaging.requirements import Requirement

    lines = []
    for name in (*HEAVY, *LIGHT, *(one.name for one in OPTIONAL)):
        for text in _requires(name):
            one = Requirement(text)
            version = installed([one.name]).get(one.name)
            applies = one.marker is None or one.marker.evaluate({"extra": ""})
            if applies and version and not _in_range(one, version):
                found = f"needs {one.name}{one.specifier}, but {version} is installed"
                remedy = f'pip install "{one.name}{one.specifier}"'
                lines.append(ReportLine(Section.VERSIONS, name, Status.WARNING, found, remedy))
    return lines


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
