"""Runs as pandas tables; the only module that imports pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vgpipe.api.results import ClipResult, Run
from vgpipe.errors import UsageError

if TYPE_CHECKING:
    import pandas

FIRST = ("clip", "state", "prompt", "seed", "seconds")


def frame_of(run: Run) -> pandas.DataFrame:
    """Returns a run as a table, a row for each clip; see `Run.to_pandas`.

    Raises:
        UsageError: where pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError(f"to_pandas needs pandas ({error}) -> pip install 'vgpipe[notebook]'") from error
    rows = [_row(clip) for clip in run.clips]
    columns = dict.fromkeys([*FIRST, *(name for row in rows for name in row)])
    return pandas.DataFrame(rows, columns=list(columns))


def _row(clip: ClipResult) -> dict[str, Any]:
    return {
        "clip": clip.id,
        "state": clip.state,
        **clip.settings,
        "seconds": sum(clip.seconds.values()) if clip.seconds else None,
        **{f"seconds_{stage}": seconds for stage, seconds in clip.seconds.items()},
        "peak_ram_gb": clip.peak_ram_gb,
        "peak_vram_gb": clip.peak_vram_gb,
        **clip.measures,
        "reused": clip.is_reused,
        "degradations": "; ".join(map(str, clip.degradations)),
        "error": clip.error,
        **{f"file_{kind}": str(path) for kind, path in clip.files.items()},
    }
