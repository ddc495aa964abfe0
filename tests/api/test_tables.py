from __future__ import annotations

import sys

import pytest

from vgpipe.errors import UsageError


def test_a_run_is_a_table_with_a_row_for_each_clip(made):
    pandas = pytest.importorskip("pandas")
    frame = made.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and list(frame.columns[:4]) == ["clip", "state", "prompt", "seed"]
    assert frame.seed.tolist() == [0, 3] and frame.state.tolist() == ["done", "done"]
    assert frame.file_mp4.tolist() == [str(clip.files["mp4"]) for clip in made.clips]
    assert (frame.seconds >= frame.seconds_export).all() and {"sharpness", "peak_ram_gb"} <= set(frame.columns)


def test_without_pandas_the_message_says_what_to_type(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"to_pandas needs pandas .* pip install 'vgpipe\[notebook\]'"):
        made.to_pandas()
