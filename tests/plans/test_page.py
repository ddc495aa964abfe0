"""The page of a plan: what it holds, and that it loads nothing."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.commands import plan as plan_command
from vgpipe.config.load import load
from vgpipe.errors import ConfigError, UsageError
from vgpipe.plans import profiles as plan_profiles
from vgpipe.plans.page import SCRIPTS, page_of_plans
from vgpipe.plans.planning import plan_of
from vgpipe.report.page import asset

NOW = datetime(2026, 1, 31, 23, 5)


@pytest.fixture(autouse=True)
def profiles(monkeypatch, tmp_path):
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plan_profiles, "cached_profile", MadeUpProfiles())


def data_of(text):
    (found,) = re.findall(r"window\.vgpipePlan = (.*);\n", text)
    return json.loads(found)


def written(*arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_command, "terminal_width", lambda: None)
        code = plan_command.main(["model=cogvideox_5b", *arguments])
    return code


def test_the_page_of_one_plan_has_its_verdict_and_memory_by_stage(workdir, capsys):
    assert written("hardware=rtx3080_10gb", "--html") == 0
    out = capsys.readouterr().out
    assert out.startswith("Fits, with the VAE in tiles. ") and out.endswith("page: plan.html\n")
    data = data_of((workdir / "plan.html").read_text("utf-8"))
    (pair,) = data["pairs"]
    assert data["verdict"] == pair["verdict"] == out.splitlines()[0]
    assert (pair["card"], pair["fit"], pair["changed"]) == ("RTX 3080 10GB", "fits, changed", ["the VAE in tiles"])
    (kind,) = pair["kinds"]
    assert [one["stage"] for one in kind["stages"]] == ["encode", "denoise", "decode"]
    for one in kind["stages"]:
        assert one["weights_gb"] + one["activations_gb"] == pytest.approx(one["gpu_gb"], abs=0.01)
    assert len(kind["considered"]) > 6
    assert data["typed"] == "python -m vgpipe plan model=cogvideox_5b hardware=rtx3080_10gb --html"


def test_every_script_of_the_page_is_there_and_none_loads_anything(workdir):
    text = page_of_plans([plan_of(load(["model=cogvideox_5b", "hardware=a100_80gb"]))], "typed", NOW)
    assert "default-src 'none'" in text and not re.search(r"(src|href)=\"(?!data:)", text)
    for name in SCRIPTS:
        assert asset(f"templates/{name}") in text
        assert "innerHTML" not in asset(f"templates/{name}")


def test_what_a_job_is_called_is_data_on_the_page():
    page = page_of_plans([plan_of(load(["model=cogvideox_5b", "hardware=a100_80gb"]))], "plan '</script><b>x'", NOW)
    assert "<b>x" not in page and data_of(page)["typed"] == "plan '</script><b>x'"


def test_a_matrix_has_a_cell_for_each_model_and_card(workdir, capsys):
    assert written("hardware=gtx1660ti_6gb,a100_80gb", "--html=cards.html") == 0
    out = capsys.readouterr().out
    assert out.startswith("cogvideox_5b fits 2 of 2 cards at its reference size (720x480, 49 frames).\n")
    data = data_of((workdir / "cards.html").read_text("utf-8"))
    assert data["verdict"] == out.splitlines()[0]
    told = {pair["card"]: (pair["fit"], pair["type"]) for pair in data["pairs"]}
    assert told == {
        "GTX 1660 Ti 6GB": ("tight", ["model=cogvideox_5b hardware=gtx1660ti_6gb"]),
        "A100 80GB": ("fits", ["model=cogvideox_5b hardware=a100_80gb"]),
    }
    assert all(pair["time"] and pair["ram_gb"] and pair["how"] for pair in data["pairs"])


def test_a_job_that_fits_no_card_says_so_on_the_page(workdir, capsys):
    (workdir / "job.yaml").write_text("prompts: [a, {prompt: b, num_frames: 9}]\n")
    asked = ("job=job.yaml", "hardware=gtx1660ti_6gb,rtx3060_8gb", "run.degrade=strict", "--html", "job.html")
    assert written(*asked) == 2
    pairs = data_of((workdir / "job.html").read_text("utf-8"))["pairs"]
    assert [pair["fit"] for pair in pairs] == ["does not fit"] * 2
    assert [len(pair["kinds"]) for pair in pairs] == [2, 2]
    assert pairs[0]["kinds"][0]["said"].startswith("does not fit: decode needs")
    assert capsys.readouterr().out.startswith("2 clips: fits 0 of 2 cards with cogvideox_5b.\n")


def test_several_models_on_several_cards_are_pairs(workdir, capsys):
    (workdir / "job.yaml").write_text("prompts: [a]\n")
    asked = ["model=cogvideox_5b,cogvideox_2b", "hardware=rtx4090_24gb,a100_80gb", "job=job.yaml", "--html"]
    assert plan_command.main(asked) == 0
    assert capsys.readouterr().out.startswith("1 clip: fits 4 of 4 pairs of model and card; fastest cogvideox_")
    assert len(data_of((workdir / "plan.html").read_text("utf-8"))["pairs"]) == 4


def test_a_page_is_written_also_of_what_does_not_fit(workdir):
    with pytest.raises(ConfigError, match="does not fit"):
        written("hardware=gtx1660ti_6gb", "run.degrade=strict", "--html")
    (pair,) = data_of((workdir / "plan.html").read_text("utf-8"))["pairs"]
    assert pair["type"] == ["memory.vae_tiling=true", *pair["type"][1:]] and "(type: memory" in pair["verdict"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--html", "job.yaml"], ["job.yaml", "does not end in .html", "--html=job.html"]),
        (["--html=folder.html"], ["folder.html", "is a folder"]),
        (["--html=missing/plan.html"], ["missing/plan.html", "its folder is not there"]),
    ],
)
def test_a_page_replaces_nothing_else(workdir, arguments, words):
    (workdir / "job.yaml").write_text("prompts: [a]\n")
    (workdir / "folder.html").mkdir()
    with pytest.raises(UsageError) as raised:
        written("hardware=a100_80gb", *arguments)
    assert all(word in str(raised.value) for word in words)
    assert (workdir / "job.yaml").read_text() == "prompts: [a]\n"
