from __future__ import annotations

from vgpipe.api.progress import in_notebook, listening
from vgpipe.executor.progress_state import ProgressState


def test_bars_are_drawn_where_they_are_wanted_and_the_caller_is_told_too(capsys):
    told = []
    state = ProgressState(clips_done=1, clips=4, pieces_done=1, pieces=8, fraction=0.25, stage="denoise", clip="fox")
    with listening(told.append, True) as listener:
        listener(state)
    assert told == [state] and "1/4 clips" in capsys.readouterr().err
    with listening(told.append, None) as listener:
        assert listener == told.append and not in_notebook()
