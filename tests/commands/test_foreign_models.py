"""A file that names a model of the hub: nothing is asked of it, and nothing downloaded, before the user agrees."""

from __future__ import annotations

import copy
import io
import sys

import numpy as np
import pytest

from tests.fake_hub import FakeHub
from tests.provenance.recipes import RECIPE
from vgpipe.errors import StoreError
from vgpipe.exporters.base import exporter

REPO = "stranger/tiny-video"


@pytest.fixture
def hub(tiny_wan, tmp_path, monkeypatch):
    """A hub that this process asks, with an empty cache."""
    from huggingface_hub import constants, file_download

    with FakeHub({REPO: tiny_wan}) as hub:
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        for module in (constants, file_download):
            monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


@pytest.fixture
def file(hub, workdir):
    recipe = copy.deepcopy(RECIPE)
    recipe["model"].update(id=REPO, revision=hub.repos[REPO].commit)
    made = exporter({"name": "sheet"}).export(np.zeros((1, 8, 8, 3), np.uint8), fps=8, folder=workdir, recipe=recipe)
    return workdir / made.files[0]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_downloaded_before_the_user_agrees(hub, file, vgpipe, monkeypatch):
    told = vgpipe("verify", file)
    assert told.code == 1 and REPO in told.out and "--online" in told.out and hub.requests == []

    refused = vgpipe("rerun", file)
    assert refused.code == 2 and f"{REPO} at commit {hub.repos[REPO].commit[:12]}, at most " in refused.err
    assert " MiB; nothing was downloaded -> python -m vgpipe rerun " in refused.err and "--yes" in refused.err

    monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
    monkeypatch.setattr("vgpipe.terminal.stderr_is_terminal", lambda: True)
    refused = vgpipe("rerun", file)
    assert refused.code == 2 and "Download it? [y/N]" in refused.err
    assert not [one for one in hub.requests if "/resolve/" in one.path]

    def started(*_: object, **__: object) -> None:
        raise StoreError("that is enough")

    monkeypatch.setattr("vgpipe.commands.rerun.start", started)  # what follows is as in any run
    assert "that is enough" in vgpipe("rerun", file, "--yes", "run.plan=off").err
    assert [one for one in hub.requests if "/resolve/" in one.path]

    asked = len(hub.requests)
    told = vgpipe("verify", file)
    assert told.out.startswith("drifted") and len(hub.requests) == asked


def test_verify_asks_the_hub_where_it_may(hub, file, vgpipe):
    told = vgpipe("verify", "--online", file)
    assert told.out.startswith("drifted") and hub.requests
