"""Lines made of answers, and the table made of lines."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args, get_type_hints

import pytest

from vgpipe.doctor import families, optional, places
from vgpipe.doctor.encoders import ENCODERS, encoder_lines, try_encoder
from vgpipe.doctor.families import Model, model_lines
from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.machine import _limit_line, device_lines
from vgpipe.doctor.optional import optional_lines
from vgpipe.doctor.packages import torch_line
from vgpipe.doctor.places import hub_cache, place_lines
from vgpipe.doctor.probes import Answer
from vgpipe.doctor.table import as_json, as_table, worst

GPU = {
    "index": 0,
    "kind": "cuda",
    "name": "NVIDIA GeForce RTX 3060",
    "total_memory_gb": 12.0,
    "free_memory_gb": 11.1,
    "bf16": True,
    "fp16": True,
    "fp8": False,
    "driver": "550.90",
    "usable": True,
}
TORCH = {"version": "2.8.0", "build": "CUDA 12.8", "device": "cuda", "reason": "", "gpus": [], "numpy": ""}

H264 = next(one for one in ENCODERS if one.name == "H.264")


def _devices(gpu, error=""):
    torch = Answer(ok=True, value=TORCH | {"gpus": [{"name": gpu["name"], "error": error}]})
    return device_lines(Answer(ok=True, value={"devices": [gpu]}), torch)[0]


def test_a_gpu_that_works():
    line = _devices(GPU)
    assert (line.name, line.status) == ("cuda:0", Status.OK)
    assert line.found == "NVIDIA GeForce RTX 3060, 12.0 GiB (11.1 GiB free), bf16 fp16, driver 550.90"


def test_a_gpu_that_this_build_has_no_kernels_for_is_broken():
    line = _devices(GPU, "CUDA error: no kernel image is available for execution on the device")
    assert line.status is Status.BROKEN and "no kernel image" in line.found and "pytorch.org" in line.remedy


def test_a_gpu_that_a_cpu_build_cannot_use_is_a_warning():
    line = _devices(GPU | {"usable": False})
    assert line.status is Status.WARNING and "cannot use it" in line.found and "pytorch.org" in line.remedy


def test_a_driver_that_is_too_old_for_the_build_is_told_in_torchs_words():
    answer = Answer(ok=True, value=TORCH | {"reason": "The NVIDIA driver on your system is too old (found 11040)."})
    line = torch_line(answer)[0]
    assert line.status is Status.WARNING and "too old (found 11040)" in line.found and "driver" in line.remedy


def test_torch_without_numpy_is_broken():
    line = torch_line(Answer(ok=True, value=TORCH | {"numpy": "Numpy is not available"}))[0]
    assert line.status is Status.BROKEN and "numpy" in line.remedy


def test_a_cgroup_limit_below_the_ram_is_a_warning():
    assert _limit_line(8 << 30, 6 << 30, 32 << 30).found.startswith("8.0 GiB, 6.0 GiB left")
    assert _limit_line(None, None, 32 << 30).status is Status.OK


def test_an_encoder_that_does_not_exist_is_not_claimed():
    from imageio_ffmpeg import get_ffmpeg_exe

    assert try_encoder(get_ffmpeg_exe(), H264) == ""
    assert "libnothing does not encode" in try_encoder(get_ffmpeg_exe(), replace(H264, codec="libnothing"))


@pytest.fixture
def false_ffmpeg(tmp_path):
    """An ffmpeg that encodes anything and decodes a black picture of the right size."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        '#!/bin/sh\nfor last; do :; done\n[ "$last" = - ] && { head -c 663552 /dev/zero; exit 0; }\ncat > "$last"\n'
    )
    program.chmod(0o755)
    return str(program)


@pytest.mark.skipif("os.name == 'nt'")
def test_a_file_that_decodes_to_another_picture_is_noticed(false_ffmpeg):
    assert "another picture" in try_encoder(false_ffmpeg, H264)
    lines = encoder_lines(Answer(ok=True, value={"exe": false_ffmpeg, "version": "0"}))
    assert {line.name: line.status for line in lines}["H.264"] is Status.BROKEN
    assert {line.name: line.status for line in lines}["AV1"] is Status.ABSENT


def test_a_family_is_read_without_being_imported(tmp_path, monkeypatch):
    source = (
        'import sys\nsys.exit("imported")\nclass Family:\n'
        '    """Drives WanPipeline and others."""\n    pipeline = "HunyuanVideo15Pipeline"\n'
        "    def make(self):\n        from diffusers import LTXPipeline\n        return LTXPipeline\n"
    )
    (tmp_path / "some_family.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert set(families._pipelines("some_family")) == {"HunyuanVideo15Pipeline", "LTXPipeline"}


@pytest.mark.parametrize("listed", ["[_base, one, _self_]", "\n  - _base\n  - one\n  - _self_"])
def test_a_family_may_come_from_the_defaults_of_an_option(tmp_path, listed):
    (tmp_path / "_base.yaml").write_text("dtype: auto\n")
    (tmp_path / "one.yaml").write_text("defaults: [_base, _self_]\nname: one\nfamily: wan\n")
    (tmp_path / "two.yaml").write_text(f"defaults: {listed}\nname: two\n")
    assert families._family(tmp_path / "two.yaml") == "wan"
    assert families._family(tmp_path / "_base.yaml") == ""
    (tmp_path / "_base.yaml").write_text("defaults: [two]\n")
    assert families._family(tmp_path / "_base.yaml") == "wan"
    (tmp_path / "one.yaml").write_text("defaults: [two]\n")
    assert families._family(tmp_path / "two.yaml") == ""


@pytest.mark.parametrize(
    ("answer", "found", "remedy"),
    [
        (Answer(ok=True, value=""), "hunyuan: HunyuanVideo15Pipeline", ""),
        (
            Answer(ok=False, error="AttributeError: module diffusers has no attribute HunyuanVideo15Pipeline"),
            "diffusers lacks HunyuanVideo15Pipeline",
            'pip install "diffusers>=0.36"',
        ),
        (Answer(ok=False, error="ImportError: no"), "ImportError: no", "repair the packages"),
    ],
)
def test_a_model_whose_pipeline_is_not_there_names_the_least_version(answer, found, remedy):
    model = Model("hunyuan_video_15", "hunyuan", ("HunyuanVideo15Pipeline",))
    line = model_lines([model], {"HunyuanVideo15Pipeline": answer})[0]
    assert line.found == found and line.remedy.startswith(remedy) and (line.status is Status.OK) == answer.ok


def test_models_are_one_line_where_a_library_is_to_be_repaired_first():
    lines = model_lines([Model("a", "wan", ("WanPipeline",)), Model("b", "wan", ("WanPipeline",))], {}, "torch")
    assert [(line.found, line.remedy) for line in lines] == [("2 not tried: torch does not work", "repair torch first")]


def test_a_fault_that_several_models_share_is_told_once():
    models = [Model(option, "wan", (name,)) for option, name in (("a", "P"), ("b", "Q"), ("c", "R"), ("d", "S"))]
    wrong = Answer(ok=False, error="ImportError: no")
    answers = {"P": wrong, "Q": wrong, "R": Answer(ok=True, value=""), "S": Answer(ok=False, error="other")}
    lines = {line.name: line for line in model_lines(models, answers)}
    assert set(lines) == {"c", "d", "2 models"} and lines["2 models"].found == "ImportError: no (a, b)"


def test_the_registrys_table_is_read_as_it_is():
    from vgpipe.models.registry import FAMILIES

    assert set(families._family_modules()) == set(FAMILIES)


def test_a_model_of_an_unknown_family_is_broken():
    assert model_lines([Model("mine", "sora", None)], {})[0].status is Status.BROKEN


def test_every_pipeline_that_a_family_drives_has_its_least_version():
    import tomllib

    known = tomllib.loads(families.SINCE.read_text())
    named = {name for module in families._family_modules().values() for name in families._pipelines(module)}
    assert named - {"DiffusionPipeline", "AutoPipeline"} <= set(known)


def test_optional_packages_say_what_for_and_how(monkeypatch):
    monkeypatch.setattr(optional, "installed", lambda names: {"peft": "0.18"} if "peft" in names else {})
    lines = {line.name: line for line in optional_lines({"peft": Answer(ok=False, error="ImportError: x")})}
    assert lines["peft"].status is Status.WARNING and "ImportError: x" in lines["peft"].found
    assert lines["gguf"].status is Status.ABSENT and lines["gguf"].remedy == 'pip install "gguf>=0.10"'


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
    ],
)
def test_the_hub_cache_is_where_huggingface_hub_has_it(environment, expected):
    assert hub_cache(environment).as_posix() == expected


def test_the_hub_cache_agrees_with_huggingface_hub():
    import os

    from huggingface_hub.constants import HF_HUB_CACHE

    assert str(hub_cache(os.environ)) == HF_HUB_CACHE


def _places(tmp_path):
    return {line.name: line for line in place_lines(tmp_path / "outputs", tmp_path / "outputs/.store")}


def test_the_cache_is_counted_once_and_unfinished_downloads_are_told(tmp_path, monkeypatch):
    blobs = tmp_path / "hub/models--a--b/blobs"
    snapshot = tmp_path / "hub/models--a--b/snapshots/1"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    with (blobs / "x").open("wb") as file:
        file.truncate(3 << 29)
    (snapshot / "model.safetensors").symlink_to(blobs / "x")
    (blobs / "y.incomplete").write_bytes(b"1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found = _places(tmp_path)["hub cache: content"].found
    assert found.startswith("1 models, 1.5 GiB") and "1 unfinished downloads" in found


def test_offline_with_an_empty_cache_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert _places(tmp_path)["hub: network"].status is Status.WARNING
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert _places(tmp_path)["hub: network"].status is Status.OK


@pytest.mark.parametrize(("free_gb", "status"), [(0.5, Status.BROKEN), (5, Status.WARNING), (50, Status.OK)])
def test_little_room_is_told(tmp_path, monkeypatch, free_gb, status):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda path: SimpleNamespace(free=int(free_gb * (1 << 30))))
    assert _places(tmp_path)["outputs: disk"].status is status


def test_a_folder_that_may_not_be_written_is_broken(tmp_path, monkeypatch):
    def refuse(**where):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(places.tempfile, "TemporaryFile", refuse)
    line = _places(tmp_path)["outputs: write"]
    assert line.status is Status.BROKEN and "Permission denied" in line.found and "hydra.run.dir" in line.remedy


LINES = [
    ReportLine(Section.PACKAGES, "torch", Status.BROKEN, "not installed", 'pip install "torch>=2.6"'),
    ReportLine(
        Section.VERSIONS, "diffusers 0.35.1 + transformers 5.3.0", Status.WARNING, "word " * 30, "pip install x"
    ),
    ReportLine(Section.OPTIONAL, "bitsandbytes", Status.ABSENT, "for weights", "pip install --upgrade " + "y" * 30),
]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_keeps_its_width_and_a_remedy_stands_in_one_row(width):
    rows = as_table(LINES, width).splitlines()
    assert max(map(len, rows)) <= width
    assert any(row.endswith('-> pip install "torch>=2.6"') for row in rows)
    assert any(row.endswith("y" * 30) and "pip install --upgrade" in row for row in rows)
    assert rows[-1] == "1 broken, 1 warning: vgpipe will not work as it is"


def test_the_worst_line_is_the_status():
    assert worst(LINES) is Status.BROKEN and worst(LINES[1:]) is Status.WARNING and worst(LINES[2:]) is Status.OK
    assert json.loads(as_json(LINES[2:]))["status"] == "ok"


def test_every_encoder_that_an_exporter_asks_for_is_tried():
    from vgpipe.config.exporter_schema import EXPORTERS, Av1Config, HevcConfig, Mp4Config
    from vgpipe.exporters.base import exporter

    videos = [exporter({"name": kind}) for kind in EXPORTERS if kind not in ("frames", "sheet")]
    names = {step.name for chain in videos for step in chain._steps if step.name != "frames"}
    hints = [get_type_hints(one)["encoder"] for one in (Mp4Config, HevcConfig, Av1Config)]
    hardware = {codec for hint in hints for arm in get_args(hint) for codec in get_args(arm)}
    asked = {name.partition(" (")[2].rstrip(")") or name for name in names} | hardware
    assert asked == {one.codec for one in ENCODERS}
