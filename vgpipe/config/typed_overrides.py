"""What vgpipe adds to the grammar of overrides: joined exporters, `job.columns`, and templates without quotes."""

from __future__ import annotations

import re

from vgpipe.config.joined_options import join_options
from vgpipe.typed import quoted

# `job` is a file's path, so that no key can stand below it: the map has a key of its own.
# Hydra takes `{` for the start of a mapping, and a template has nothing else that needs its grammar.
_TEMPLATE = re.compile(r"([+~]*run\.name)=([^\"'].*)", re.DOTALL)
_JOB_COLUMNS = re.compile(r"([+~]*)job\.columns(?=[.=@]|$)")


def as_composed(override: str) -> str:
    """Returns an override as Hydra composes it.

    Args:
        override: as typed.
    """
    template = _TEMPLATE.fullmatch(override)
    if template and "{" in template[2]:
        return f"{template[1]}={quoted(template[2])}"
    found = _JOB_COLUMNS.match(override)
    return join_options(f"{found[1]}job_columns{override[found.end() :]}" if found else override)
