from __future__ import annotations

import os

import pytest

from vgpipe.config.folders import folder_of
from vgpipe.errors import ConfigError


def test_a_folder_is_absolute_and_of_whose_home_it_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert folder_of("store.dir", "~/a") == tmp_path / "a" == folder_of("store.dir", "a")
    assert str(folder_of("store.dir", f"a{os.sep}~b")) == str(tmp_path / "a" / "~b")


@pytest.mark.parametrize(
    ("given", "said"), [("~nosuchuser/x", "there is no user 'nosuchuser'"), ("a\0b", "holds a NUL")]
)
def test_a_name_that_no_folder_can_have_is_refused_by_key(given, said):
    with pytest.raises(ConfigError, match=r"store\.dir") as caught:
        folder_of("store.dir", given)
    assert said in str(caught.value) and "store.dir=DIR" in str(caught.value)
