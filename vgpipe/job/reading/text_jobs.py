"""Jobs of plain text: one prompt a line."""

from __future__ import annotations

import re

from vgpipe.job.faults import Faults
from vgpipe.job.reading.inline_options import read_line
from vgpipe.job.reading.nodes import Listing
from vgpipe.job.reading.yaml_scalars import quoted

_MATRIX_NAME = re.compile(r"\{(?P<name>[^{}]+)\}\s*=(?P<values>[^{}]*)")


def read_txt(text: str, faults: Faults) -> Listing:
    """Builds the list of prompts of a text file; blank lines and lines that start with # are skipped.

    Options at the end of a line (`--w 832 --d 42`) and lines of options (`--prompt "..." --steps 4`) are read.

    Args:
        text: the file's text.
        faults: where faults and notes are recorded.

    Raises:
        JobError: the lines are JSON.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    prompts = [(number, line) for number, line in lines if line and not line.startswith("#")]
    for number, line in prompts:
        if line.startswith('{"'):
            faults.add(number, "the line is JSON, not a prompt", "name the file .jsonl")
            raise faults.error()
    matrices = {number: _matrix(line) for number, line in prompts if line.startswith("!") and _matrix(line)}
    for number, matrix in matrices.items():
        remedy = f"make it a .yaml job: the prompts under it as `- prompt: ...`, each with `{matrix}`"
        faults.add(number, "a .txt has no matrix", remedy)
    return Listing(1, [read_line(number, line, faults) for number, line in prompts if number not in matrices])


def _matrix(line: str) -> str:
    """Returns a line such as `! {Colour}="red","blue"` as a matrix of YAML; "" for any other."""
    found = [
        f"{match['name'].strip()}: [{', '.join(map(quoted, values))}]"
        for match in _MATRIX_NAME.finditer(line)
        if (values := re.findall(r'"([^"]*)"', match["values"]))
    ]
    return f"matrix: {{{', '.join(found)}}}" if found else ""
