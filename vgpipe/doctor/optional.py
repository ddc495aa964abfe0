"""Optional packages: what each is for, and how to install it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.probes import Answer
from vgpipe.doctor.versions import installed


@dataclass(frozen=True, slots=True)
class OptionalPackage:
    """An optional package.

    Attributes:
        name: pip's name of it.
        module: the module to import.
        purpose: what it is for.
        wanted: pip's requirement to install it.
    """

    name: str
    module: str
    purpose: str
    wanted: str


def _plugin(name: str, below: str, purpose: str) -> OptionalPackage:
    """Returns a plugin of Hydra 1.3: from the version `below` on, they are for another Hydra."""
    module = f"hydra_plugins.hydra_{name.replace('-', '_')}"
    return OptionalPackage(f"hydra-{name}", module, f"sweeps with {purpose}", f'"hydra-{name}<{below}"')


OPTIONAL = (
    OptionalPackage("peft", "peft", "LoRAs (model.loras)", '"peft>=0.18"'),
    OptionalPackage("gguf", "gguf", "GGUF weights", '"gguf>=0.10"'),
    OptionalPackage("torchao", "torchao", "int8 and int4 weights", "torchao"),
    OptionalPackage("bitsandbytes", "bitsandbytes", "nf4 and bnb_int8 weights", "bitsandbytes"),
    OptionalPackage("ray", "ray", "workers on several machines (executor=ray)", '"ray>=2.50,<3"'),
    _plugin("joblib-launcher", "1.3", "hydra/launcher=joblib"),
    _plugin("submitit-launcher", "1.3", "hydra/launcher=submitit_local and submitit_slurm"),
    _plugin("optuna-sweeper", "1.4", "hydra/sweeper=optuna"),
)


def present() -> list[OptionalPackage]:
    """Returns those that are installed."""
    return [one for one in OPTIONAL if installed([one.name])]


def optional_lines(imports: Mapping[str, Answer]) -> list[ReportLine]:
    """Returns a line for each optional package.

    Args:
        imports: module -> the result of importing it, for those of `present()`.
    """
    return [_line(one, imports.get(one.module)) for one in OPTIONAL]


def _line(one: OptionalPackage, imported: Answer | None) -> ReportLine:
    typed = f"pip install {one.wanted}"
    if imported is None:
        return ReportLine(Section.OPTIONAL, one.name, Status.ABSENT, f"for {one.purpose}", typed)
    version = installed([one.name]).get(one.name, "")
    if imported.ok:
        return ReportLine(Section.OPTIONAL, one.name, Status.OK, f"{version}, for {one.purpose}")
    found = f"{version}, cannot be imported: {imported.error}; it is for {one.purpose}"
    return ReportLine(Section.OPTIONAL, one.name, Status.WARNING, found, f"pip uninstall -y {one.name}; {typed}")
