"""What tests of several families share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.models.driven import Driven, drive
from tests.models.long_clips import SETUPS, Setup
from vgpipe.models.open import Origin


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory):
    """Builds the tiny checkpoint of an option, once."""
    folders: dict[str, Path] = {}

    def build(option: str) -> Path:
        if option not in folders:
            folders[option] = tiny.build(option, tmp_path_factory.mktemp(option) / "model")
        return folders[option]

    return build


@pytest.fixture(scope="module")
def opened(built):
    """Opens the checkpoint of a long clip's setup, once."""
    known: dict[tuple, Driven] = {}

    def open_one(name: str) -> Driven:
        setup = SETUPS[name]
        key = setup.option, str(setup.settings)
        if key not in known:
            folder = built(setup.option)
            others = {"motion_adapter": Origin(str(folder / "adapter"))} if setup.family == "animatediff" else None
            known[key] = drive(setup.family, folder, setup.settings, others)
        return known[key]

    return open_one


@pytest.fixture(params=SETUPS)
def long_clip(request, opened) -> tuple[Setup, Driven]:
    """Each setup of a long clip in turn, and its family."""
    return SETUPS[request.param], opened(request.param)
