"""Reads a job file; the entry point of this package."""

from __future__ import annotations

from pathlib import Path

from vgpipe.job.faults import Faults
from vgpipe.job.reading.find import find_job
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table
from vgpipe.job.reading.text_jobs import read_jsonl, read_txt
from vgpipe.job.record import Job
from vgpipe.job.rules import ShapeRules
from vgpipe.job.source import display, read_text

__all__ = ["find_job", "read_job"]


def read_job(path: Path, *, rules: ShapeRules | None = None) -> Job:
    """Reads and checks a job file.

    Args:
        path: a .yaml, .yml, .txt, .csv or .jsonl file.
        rules: what the model can make; with it, sizes and frame counts that cannot be made are listed
            with the file's other faults (`expand` finds them in any case).

    Returns:
        The job, not yet expanded.

    Raises:
        JobError: the file cannot be read, or it has faults; all of them are in the error.
    """
    # pydantic takes longer to import than a command like `--help` may take.
    from vgpipe.job.reading.validate import build_job

    text = read_text(path)
    faults = Faults(display(path))
    root = _tree(text, path.suffix.lower(), faults)
    return build_job(root, path.stem, faults, rules, path.parent.absolute())


def _tree(text: str, suffix: str, faults: Faults) -> Node:
    if suffix == ".txt":
        return _job_of(read_txt(text))
    if suffix == ".jsonl":
        return _job_of(read_jsonl(text, faults))
    if suffix == ".csv":
        from vgpipe.job.reading.csv_jobs import read_csv

        return _job_of(read_csv(text, faults))
    from vgpipe.job.reading.yaml_jobs import read_yaml

    return read_yaml(text, faults)


def _job_of(prompts: Listing) -> Table:
    return Table(prompts.line, [(Scalar(prompts.line, "prompts", "prompts"), prompts)])
