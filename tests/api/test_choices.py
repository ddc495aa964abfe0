from __future__ import annotations

import pytest

import vgpipe
from vgpipe.errors import UsageError


def test_options_of_a_group_and_of_a_folder_of_ones_own(tmp_path):
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality" / "mine.yaml").write_text("steps_scale: 0.25\n")
    assert {"quick", "standard", "high"} <= set(vgpipe.options("quality")) and "shapes" in vgpipe.options("model")
    assert "mine" in vgpipe.options("quality", config_dir=tmp_path)
    with pytest.raises(UsageError, match="there is no group 'modell' -> did you mean model"):
        vgpipe.options("modell")
