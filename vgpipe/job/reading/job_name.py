"""What a job is called, without reading its prompts."""

from __future__ import annotations

import re
from pathlib import Path

from vgpipe.errors import JobError
from vgpipe.job.naming import slugify
from vgpipe.job.reading.find import find_job
from vgpipe.job.source import read_text

NAME = "name"
YAML = (".yaml", ".yml")
_MAY_HAVE_NAME = re.compile(r"""^(?:["']?name["']?\s*:|\s*\{)""", re.MULTILINE)


def folder_of_job(given: str, cwd: Path, max_bytes: int) -> str:
    """Returns the folder name for runs of a job: its `name` as a slug, or else the stem of its file.

    A file that is missing or invalid has the name of its stem here; who reads the whole job reports what is wrong.

    Args:
        given: what the user typed after `job=`.
        cwd: the working directory.
        max_bytes: of the folder name, in UTF-8.
    """
    return slugify(_title(given, cwd) or Path(given).stem, max_bytes)


def _title(given: str, cwd: Path) -> str:
    if Path(given).suffix.lower() not in YAML:  # the other formats have none
        return ""
    try:
        return title_of(read_text(find_job(given, cwd)))
    except (JobError, OSError, ValueError):
        return ""


def title_of(text: str) -> str:
    """Returns the value of a YAML job's `name`; empty where it has none, or is no YAML.

    Parses no further than that key: a job of thousands of prompts is parsed once, by who needs its prompts.

    Args:
        text: of the file.
    """
    if not _MAY_HAVE_NAME.search(text):
        return ""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth, key = 0, None
    try:
        for event in yaml.parse(text, Loader=loader):
            if depth == 0 and isinstance(event, yaml.SequenceStartEvent):
                return ""
            scalar = event.value if isinstance(event, yaml.ScalarEvent) else None
            if depth == 1 and key is not None:
                if key == NAME:
                    return (scalar or "").strip()
                key = None if scalar is not None or isinstance(event, yaml.AliasEvent) else key
            elif depth == 1:
                key = scalar
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
                key = None if depth == 1 else key
    except yaml.YAMLError:
        return ""
    return ""
