"""Reads a job file; the entry point of this package."""

from __future__ import annotations

from pathlib import Path

from vgpipe.job.faults import Faults
from vgpipe.job.reading.columns import AS_NAMED, ColumnMap, Columns, Unknown, renamed, renamed_job
from vgpipe.job.reading.find import find_job
from vgpipe.job.reading.json_jobs import read_json, read_jsonl
from vgpipe.job.reading.nodes import Node, Scalar, Table
from vgpipe.job.reading.text_jobs import read_txt
from vgpipe.job.record import Job
from vgpipe.job.rules import ShapeRules
from vgpipe.job.source import display, read_text

__all__ = ["find_job", "read_job"]

TABLES = (".csv", ".tsv", ".json", ".jsonl")
"""The formats that programs write, in which a column may be for somebody else."""


def read_job(path: Path, *, rules: ShapeRules | None = None, columns: ColumnMap = AS_NAMED) -> Job:
    """Reads and checks a job file.

    Args:
        path: a file of one of the suffixes of `vgpipe.job.source`, or a folder of images.
        rules: what the model can make; with it, sizes and frame counts that cannot be made are listed
            with the file's other faults (`expand` finds them in any case).
        columns: the file's names of columns and keys -> fields, of `job.columns`.

    Returns:
        The job, not yet expanded.

    Raises:
        JobError: the file cannot be read, or it has faults; all of them are in the error.
    """
    # pydantic takes longer to import than a command like `--help` may take.
    from vgpipe.job.reading.validate import MAX_NAME_BYTES, build_job

    if path.is_dir():
        from vgpipe.job.reading.folder_jobs import read_folder

        return read_folder(path, rules, MAX_NAME_BYTES)
    text, suffix = read_text(path), path.suffix.lower()
    faults = Faults(display(path))
    names = Columns(columns, Unknown.NOTED if suffix in TABLES else Unknown.LEFT, faults)
    root = _tree(text, suffix, names, faults)
    names.check_given()
    return build_job(root, path.stem, faults, rules, path.parent.absolute())


def _tree(text: str, suffix: str, columns: Columns, faults: Faults) -> Node:
    if suffix == ".txt":
        return _job_of(read_txt(text, faults))
    if suffix == ".jsonl":
        return _job_of(renamed(read_jsonl(text, faults), columns))
    if suffix == ".json":
        return renamed_job(read_json(text, faults), columns)
    if suffix in (".csv", ".tsv"):
        from vgpipe.job.reading.csv_jobs import read_csv

        return _job_of(read_csv(text, columns, faults, separator="\t" if suffix == ".tsv" else ""))
    from vgpipe.job.reading.yaml_jobs import read_yaml

    return renamed_job(read_yaml(text, faults), columns)


def _job_of(prompts: Node) -> Table:
    return Table(prompts.line, [(Scalar(prompts.line, "prompts", "prompts"), prompts)])
