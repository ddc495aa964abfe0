"""The known-bad versions: the data file, the comparison, and what a run does with a finding."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from packaging.specifiers import SpecifierSet

from vgpipe.doctor import checked_versions, versions
from vgpipe.doctor.versions import Finding, check_versions, known_bad, require_good_versions
from vgpipe.errors import UsageError

GOOD = {
    "torch": "2.8.0+cu128",
    "torchvision": "0.23.0",
    "diffusers": "0.36.0",
    "transformers": "4.57.1",
    "huggingface-hub": "0.36.0",
    "numpy": "2.2.0",
    "peft": "0.18.0",
    "hydra-core": "1.3.2",
    "omegaconf": "2.3.0",
    "antlr4-python3-runtime": "4.9.3",
    "imageio-ffmpeg": "0.6.0",
}
BAD = [
    ({"diffusers": "0.35.1", "torch": "2.3.1"}, "custom_op"),
    ({"diffusers": "0.36.0", "torch": "2.4.1+cu121"}, "enable_gqa"),
    ({"diffusers": "0.35.1", "transformers": "5.4.0"}, "FLAX_WEIGHTS_NAME"),
    ({"diffusers": "0.35.2", "transformers": "5.4.0"}, "CLIPFeatureExtractor"),
    ({"diffusers": "0.28.0", "huggingface_hub": "0.26.0"}, "cached_download"),
    ({"diffusers": "0.36.0", "torchao": "0.16.0"}, "logger"),
    ({"transformers": "5.2.0"}, "noise"),
    ({"transformers": "4.57.1", "huggingface-hub": "1.2.3"}, "huggingface-hub<1.0"),
    ({"transformers": "5.3.0", "huggingface-hub": "0.36.0"}, "is_offline_mode"),
    ({"transformers": "5.3.0", "torch": "2.3.0"}, "disables torch"),
    ({"transformers": "5.3.0", "peft": "0.17.0"}, "HybridCache"),
    ({"transformers": "5.12.1", "peft": "0.18.1"}, "LoRA"),
    ({"torch": "2.2.2", "numpy": "2.0.1"}, "Numpy is not available"),
    ({"torch": "2.5.1", "torchvision": "0.19.1"}, "torchvision::nms"),
    ({"torch": "2.6.0", "torchvision": "0.20.1"}, "torchvision::nms"),
    ({"torch": "2.7.1", "torchvision": "0.21.0"}, "torchvision::nms"),
    ({"torch": "2.9.1+cu128", "nvidia-cudnn-cu12": "9.10.2.21"}, "three times"),
    ({"torch": "2.9.0", "nvidia-cudnn-cu13": "9.13.0.50"}, "three times"),
    ({"bitsandbytes": "0.45.0", "triton": "3.2.0"}, "triton.ops"),
    ({"omegaconf": "2.3.0", "antlr4-python3-runtime": "4.13.2"}, "ATN"),
    ({"imageio-ffmpeg": "0.5.0"}, "ffmpeg"),
]


@pytest.mark.parametrize(("installed", "word"), BAD)
def test_a_bad_combination_is_found(installed, word):
    found = [finding for finding in check_versions(installed) if word in finding.sees]
    assert len(found) == 1
    assert [package.split()[1] for package in found[0].packages] == list(installed.values())


def test_there_is_a_case_for_every_entry():
    warned = {finding.sees + finding.remedy for installed, _ in BAD for finding in check_versions(installed)}
    assert warned == {entry["sees"] + entry["remedy"] for entry in known_bad()}


def test_a_good_combination_has_no_findings():
    assert check_versions(GOOD) == []


@pytest.mark.parametrize("name", sorted({name for installed, _ in BAD if len(installed) > 1 for name in installed}))
def test_one_of_a_pair_alone_is_fine(name):
    alone = [{name: installed[name]} for installed, _ in BAD if name in installed and len(installed) > 1]
    assert all(check_versions(one) == [] for one in alone)


def test_names_are_compared_as_pip_does_and_strange_versions_are_passed_over():
    assert check_versions({"Transformers": "4.57.1", "huggingface.hub": "1.0"})
    assert check_versions({"transformers": "my-own-build"}) == []


def test_broken_comes_before_warnings():
    found = check_versions({"torch": "2.9.0", "nvidia-cudnn-cu12": "9.10", "transformers": "5.1.0"})
    assert [finding.severity for finding in found] == ["broken", "warning"]


@pytest.mark.parametrize("entry", known_bad(), ids=lambda entry: entry["sees"][:40])
def test_every_entry_is_complete(entry):
    assert set(entry) == {"when", "severity", "sees", "remedy", "source"}
    assert entry["severity"] in ("broken", "warning") and entry["source"].startswith("https://")
    assert entry["remedy"].startswith("pip ")
    assert all(SpecifierSet(specifiers) for table in entry["when"] for specifiers in table.values())


@pytest.mark.parametrize("entry", known_bad(), ids=lambda entry: entry["sees"][:40])
def test_the_remedy_of_an_entry_ends_its_finding(entry):
    from packaging.requirements import Requirement

    remedy = Requirement(entry["remedy"].removeprefix("pip install ").strip('"'))
    tables = [{versions.normalized(name): text for name, text in table.items()} for table in entry["when"]]
    bad = tables[0][versions.normalized(remedy.name)]
    tried = [f"{major}.{minor}.{patch}" for major in range(10) for minor in range(60) for patch in range(6)]
    fixed = list(remedy.specifier.filter(tried))
    assert fixed and not list(SpecifierSet(bad).filter(fixed))


def _found(monkeypatch, *severities):
    found = [Finding(("torch 2.4.1", "diffusers 0.36.0"), one, f"{one} thing", "pip install x") for one in severities]
    monkeypatch.setattr(versions, "check_versions", lambda: found)
    monkeypatch.setattr(checked_versions, "remembered", lambda memory: "")
    monkeypatch.delenv(versions.SKIP_VARIABLE, raising=False)


def test_a_broken_finding_refuses_the_run_with_the_remedy(monkeypatch):
    _found(monkeypatch, "broken")
    with pytest.raises(UsageError, match=r"torch 2\.4\.1 \+ diffusers 0\.36\.0: broken thing -> pip install x"):
        require_good_versions(lambda text: None)


def test_a_warning_is_one_line_and_the_run_goes_on(monkeypatch):
    _found(monkeypatch, "warning")
    warned: list[str] = []
    require_good_versions(warned.append)
    assert len(warned) == 1 and "\n" not in warned[0] and "warning thing -> pip install x" in warned[0]


def test_the_check_can_be_left_out(monkeypatch):
    _found(monkeypatch, "broken", "warning")
    monkeypatch.setenv(versions.SKIP_VARIABLE, "1")
    warned: list[str] = []
    require_good_versions(warned.append)
    assert warned == []


@pytest.mark.parametrize("arguments", [["clip.prompt=a"], ["resume", "outputs/x"]])
def test_run_and_resume_are_refused_before_anything_else(monkeypatch, vgpipe, workdir, arguments):
    _found(monkeypatch, "broken")
    ran = vgpipe(*arguments)
    assert ran.code == 2 and "broken thing" in ran.err and not (workdir / "outputs").exists()


def test_it_takes_milliseconds_and_imports_none_of_the_packages():
    code = (
        "import sys, time; begun_s = time.perf_counter();"
        "from vgpipe.doctor.versions import require_good_versions; require_good_versions(print);"
        "print(time.perf_counter() - begun_s);"
        "sys.exit(len({'torch', 'numpy', 'diffusers', 'transformers', 'hydra', 'yaml'} & set(sys.modules)))"
    )
    took_s = []
    for _ in range(3):
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        took_s.append(float(ran.stdout.split()[-1]))
    assert min(took_s) < 0.5


def test_comparing_again_takes_a_few_milliseconds():
    check_versions()
    begun_s = time.perf_counter()
    check_versions()
    assert time.perf_counter() - begun_s < 0.1
