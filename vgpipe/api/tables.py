"""Clips as pandas tables; the only module that imports pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vgpipe.errors import UsageError

if TYPE_CHECKING:
    import pandas

FIRST = ("clip", "state", "prompt", "seed", "seconds")


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """Returns clips as a table; see `Run.to_pandas`.

    Args:
        rows: the values of each clip by column; where some lack a column, its cell is empty.

    Raises:
        UsageError: where pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError(f"to_pandas needs pandas ({error}) -> pip install 'vgpipe[notebook]'") from error
    columns = dict.fromkeys([*FIRST, *(name for row in rows for name in row)])
    return pandas.DataFrame(rows, columns=list(columns))
