"""The extras: what pip may install for them keeps hydra-core 1.3, and what CI tests is what users get."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from vgpipe.config.overrides import EXTRAS as MESSAGES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = {name: [Requirement(text) for text in texts] for name, texts in PROJECT["optional-dependencies"].items()}
PLUGINS = [one for wanted in EXTRAS.values() for one in wanted if one.name.startswith("hydra-")]
NEXT = ("1.4.0.dev4", "1.4.0.dev10", "1.4.0rc3", "1.4.0")
"""Releases of Hydra and its plugins that are not for hydra-core 1.3; all but the last are on PyPI today."""


def pins() -> dict[str, str]:
    lines = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in lines}


@pytest.mark.parametrize("wanted", PLUGINS, ids=lambda one: one.name)
def test_a_plugin_of_hydra_stays_with_1_3_also_where_pip_allows_pre_releases(wanted):
    assert not [one for one in NEXT if wanted.specifier.contains(one, prereleases=True)]


def test_hydra_itself_stays_with_1_3():
    (hydra,) = (one for one in map(Requirement, PROJECT["dependencies"]) if one.name == "hydra-core")
    assert hydra.specifier.contains("1.3.8") and not [one for one in NEXT if hydra.specifier.contains(one, True)]


def test_every_launcher_and_sweeper_has_an_extra_of_its_name():
    names = {"joblib", "submitit", "optuna", "ray-launcher", "colorlog"}
    assert names == {name for name, wanted in EXTRAS.items() if set(wanted) & set(PLUGINS)}


def test_messages_name_extras_that_there_are():
    assert set(MESSAGES.values()) <= set(EXTRAS)


def test_the_extra_sweeps_joins_extras_that_there_are():
    for extra in ("sweeps", "test"):
        joined = {name for one in EXTRAS[extra] if one.name == "vgpipe" for name in one.extras}
        assert joined and joined <= set(EXTRAS), extra


def test_the_versions_that_ci_installs_are_those_that_the_extras_allow():
    outside = [
        f"{one} ({pins()[one.name]} in constraints.txt)"
        for wanted in EXTRAS.values()
        for one in wanted
        if one.name in pins() and not one.specifier.contains(pins()[one.name])
    ]
    assert outside == []
    assert {one.name for one in PLUGINS} - set(pins()) == {"hydra-ray-launcher"}, "installed by CI, not pinned"
