"""From the arguments of a call to a checked config and the clips to make."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from vgpipe.clips.requested import Request, request
from vgpipe.config.load import load_run
from vgpipe.config.schema import Config
from vgpipe.config.sources import Sources
from vgpipe.config.validate import validate_config
from vgpipe.errors import UsageError
from vgpipe.job.faults import VALUES
from vgpipe.job.reading.values import json_lines, plain_values
from vgpipe.outside_file import expanded
from vgpipe.typed import hydra_value, quoted

NAME_OF_VALUES = f"{VALUES}.jsonl"
"""What names the run directory of prompts that are in no file."""
Prompts = str | Mapping[str, Any] | Iterable[str | Mapping[str, Any]]
Option = str | Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The option of each group; None where the call does not choose."""

    model: Option = None
    hardware: Option = None
    memory: Option = None
    quality: Option = None
    exporter: Option = None
    executor: Option = None

    def overrides(self) -> list[str]:
        """Returns them as overrides; several exporters are joined."""
        chosen = {one.name: getattr(self, one.name) for one in fields(self)}
        joined = {
            name: option if isinstance(option, str) else "+".join(option or ()) for name, option in chosen.items()
        }
        return [f"{name}={joined[name]}" for name, option in chosen.items() if option is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a call asks for, composed and validated; the job is not read yet.

    Attributes:
        config: the whole config.
        job_lines: the prompts as JSON lines, where they are values of the program.
        root: the run directory.
    """

    config: Config
    job_lines: str | None
    root: Path

    def request(self) -> Request:
        """Reads the job and resolves every clip's settings.

        Raises:
            JobError: naming everything that is wrong with it.
        """
        return request(self.config, self.job_lines)


def asked(
    *,
    job: str | os.PathLike[str] | None,
    prompts: Prompts | None,
    clip: Mapping[str, Any] | None,
    overrides: Sequence[str],
    options: Options,
    draft: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    config_dir: str | os.PathLike[str] | None,
) -> Asked:
    """Composes what a call asks for; the job and the settings of clips take no part in Hydra's grammar.

    Raises:
        UsageError: naming everything that is wrong.
    """
    if isinstance(overrides, str):
        raise UsageError(f"overrides is the text {overrides!r} -> give a list: overrides=[{overrides!r}]")
    if prompts is not None and (job is not None or any(text.startswith("job=") for text in overrides)):
        raise UsageError("both a job file and prompts are given -> keep one of them")
    lines = None if prompts is None else json_lines(prompts, Path.cwd())
    named = NAME_OF_VALUES if lines is not None else job
    typed = [] if named is None else [f"job={quoted(os.fspath(named))}"]
    typed += [] if draft is None else [f"draft={hydra_value(draft)}"]
    sources = Sources(config_dir=None if config_dir is None else os.fspath(config_dir))
    config, root = load_run([*options.overrides(), *typed, *overrides], sources)
    if lines is not None:
        config = replace(config, job=None)
    if clip:
        config = _with_clip(config, clip)
    return Asked(config=config, job_lines=lines, root=root if out is None else _given(out))


def _given(out: str | os.PathLike[str]) -> Path:
    if not os.fspath(out):
        raise UsageError("out is empty -> out=DIR")
    return expanded(out).absolute()


def _with_clip(config: Config, clip: Mapping[str, Any]) -> Config:
    # Not as overrides: their grammar would take commas, braces and ${...} in a prompt for its own.
    forced = {name: value for name, value in asdict(config.clip).items() if value is not None}
    return validate_config({**asdict(config), "clip": {**forced, **plain_values(clip)}})
