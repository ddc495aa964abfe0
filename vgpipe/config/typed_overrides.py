"""What vgpipe adds to the grammar of overrides: joined exporters, and `job.columns`."""

from __future__ import annotations

import re

from vgpipe.config.joined_options import join_options

# `job` is a file's path, so that no key can stand below it: the map has a key of its own.
_JOB_COLUMNS = re.compile(r"([+~]*)job\.columns(?=[.=@]|$)")


def as_composed(override: str) -> str:
    """Returns an override as Hydra composes it.

    Args:
        override: as typed.
    """
    found = _JOB_COLUMNS.match(override)
    return join_options(f"{found[1]}job_columns{override[found.end() :]}" if found else override)
