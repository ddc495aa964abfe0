from __future__ import annotations

import pytest

from vgpipe.config.saved_run import saved_config

CONFIG, OWN = "run:\n  on_end: sh strangers.sh\n", "run: {on_end: sh own.sh}\n"


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "run/.hydra"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "hydra.yaml").write_text("hydra: {}\n")
    return tmp_path / "run"


def test_a_command_that_a_folder_has_saved_is_not_run(saved, tmp_path, monkeypatch):
    assert saved_config(saved).run.on_end is None
    (tmp_path / "own.yaml").write_text(OWN)
    monkeypatch.setenv("VGPIPE_CONFIG", str(tmp_path / "own.yaml"))
    assert saved_config(saved).run.on_end == "sh own.sh"
