"""A check of the installed versions that found nothing is not done again until a package comes or goes."""

from __future__ import annotations

import sys

import pytest

from vgpipe.doctor import versions
from vgpipe.doctor.checked_versions import require_checked_versions
from vgpipe.doctor.versions import Finding


@pytest.fixture
def looks(monkeypatch, tmp_path):
    """The checks that were really done; what they find is set by `looks.finds`."""

    class Looks(list):
        finds: tuple[Finding, ...] = ()

    done = Looks()
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(versions.SKIP_VARIABLE, raising=False)
    monkeypatch.setattr(versions, "_all_findings", lambda: done.append(1) or list(done.finds))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return done


def test_a_package_that_comes_or_changes_is_looked_at(looks, tmp_path):
    for _ in range(2):
        require_checked_versions(pytest.fail)
    assert len(looks) == 1
    (tmp_path / "torch-2.4.1.dist-info").mkdir()
    require_checked_versions(pytest.fail)
    (tmp_path / "torch-2.4.1.dist-info").rename(tmp_path / "torch-2.8.0.dist-info")
    require_checked_versions(pytest.fail)
    (tmp_path / "torch-2.8.0.dist-info" / "METADATA").touch()  # installed again, with other requirements
    require_checked_versions(pytest.fail)
    assert len(looks) == 4


def test_a_warning_is_given_each_time(looks):
    looks.finds = (Finding(("torch 2.9.0",), "warning", "is slow", "pip install x"),)
    warned: list[str] = []
    for _ in range(2):
        require_checked_versions(warned.append)
    assert len(warned) == 2


def test_a_check_that_was_left_out_is_not_remembered(looks, monkeypatch):
    monkeypatch.setenv(versions.SKIP_VARIABLE, "1")
    require_checked_versions(pytest.fail)
    monkeypatch.delenv(versions.SKIP_VARIABLE)
    require_checked_versions(pytest.fail)
    assert len(looks) == 1


def test_a_folder_that_cannot_be_written_is_no_error(looks, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    for _ in range(2):
        require_checked_versions(pytest.fail)
    assert len(looks) == 2
