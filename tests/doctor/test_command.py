"""`python -m vgpipe doctor` in a healthy and in broken environments."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.doctor.conftest import Ran, run_doctor

STATUSES = {"ok", "warning", "broken", "absent"}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_doctor(sys.executable, tmp_path_factory.mktemp("healthy"), "--json")


def test_a_healthy_environment_has_nothing_broken(healthy):
    assert healthy.code == 0, healthy.out + healthy.err
    assert healthy.report["status"] in ("ok", "warning") and healthy.report["counts"]["broken"] == 0


def test_the_json_keeps_its_schema(healthy):
    report = healthy.report
    assert set(report) == {"schema", "vgpipe", "status", "counts", "lines"} and report["schema"] == 1
    assert set(report["counts"]) == STATUSES and sum(report["counts"].values()) == len(report["lines"])
    for line in report["lines"]:
        assert set(line) == {"section", "name", "status", "found", "remedy"}
        assert line["status"] in STATUSES and line["found"] and line["name"]
        assert line["remedy"] or line["status"] != "broken"


def test_it_looks_at_everything(healthy):
    sections = {line["section"] for line in healthy.report["lines"]}
    assert sections == {"packages", "versions", "device", "encoders", "places", "models", "optional"}
    packages = {line["name"] for line in healthy.report["lines"] if line["section"] == "packages"}
    assert {"Python", "torch", "diffusers", "transformers", "accelerate", "huggingface_hub", "numpy"} <= packages


def test_versions_and_build_are_those_of_this_environment(healthy):
    import torch

    assert healthy.line("packages", "torch")["found"] == torch.__version__
    build = healthy.line("device", "torch build")["found"]
    assert build.startswith("CUDA" if torch.version.cuda else ("ROCm", "MPS", "CPU"))


def test_encoders_were_tried_and_every_model_can_be_driven(healthy):
    assert healthy.line("encoders", "H.264")["found"] == "libx264 encodes, and its file decodes"
    conf = Path(__file__).parents[2] / "conf/model"
    options = {path.stem for path in conf.glob("*.yaml") if not path.stem.startswith("_")}
    assert {line["name"] for line in healthy.report["lines"] if line["section"] == "models"} == options
    assert healthy.line("models", "shapes")["found"].startswith("wan: WanPipeline")


def test_torch_is_missing(tmp_path, without_torch):
    ran = run_doctor(without_torch, tmp_path, "--json")
    assert ran.code == 1 and ran.report["status"] == "broken", ran.err
    torch = ran.line("packages", "torch")
    assert (torch["status"], torch["found"]) == ("broken", "not installed")
    assert torch["remedy"].startswith('pip install "torch>=')
    # Everything else is still looked at.
    assert ran.line("packages", "numpy")["status"] == "ok" and ran.line("encoders", "H.264")["status"] == "ok"
    assert ran.line("models", "all models")["remedy"] == "repair torch first"


def test_a_run_without_torch_is_refused_with_the_remedy(tmp_path, without_torch):
    command = [without_torch, "-m", "vgpipe", "clip.prompt=a"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 2 and 'torch: is not installed -> pip install "torch>=' in ran.stderr
    assert not (tmp_path / "outputs").exists()


def test_diffusers_fails_to_import(tmp_path, with_false):
    light = dict.fromkeys(("transformers", "accelerate", "peft"), "")  # take long to import, and nothing here asks them
    python = with_false(light | {"diffusers": "raise ImportError(\"cannot import name 'x' from 'y'\")"})
    ran = run_doctor(python, tmp_path, "--json")
    diffusers = ran.line("packages", "diffusers")
    assert ran.code == 1 and diffusers["status"] == "broken"
    assert "cannot import name 'x' from 'y'" in diffusers["found"] and "--force-reinstall" in diffusers["remedy"]
    assert ran.line("packages", "torch")["status"] == "ok"
    assert ran.line("models", "all models")["remedy"] == "repair diffusers first"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import os; os._exit(7)", "exit code 7"),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "SIGSEGV",
            marks=pytest.mark.skipif(os.name == "nt", reason="no such signals"),
        ),
    ],
)
def test_a_library_kills_the_interpreter(tmp_path, with_false, source, error):
    ran = run_doctor(with_false({"numpy": source}), tmp_path, "--json")
    numpy = ran.line("packages", "numpy")
    assert ran.code == 1 and numpy["status"] == "broken" and error in numpy["found"]
    # Those that share its interpreter are still asked, and those it takes along point to it.
    assert ran.line("packages", "tqdm")["status"] == "ok" and ran.line("packages", "pydantic")["status"] == "ok"
    assert ran.line("packages", "torch")["remedy"].startswith("repair numpy first")


def test_what_vgpipe_itself_is_built_on_does_not_work(tmp_path, with_false):
    packages = {"hydra": "hydra-core", "pydantic": "pydantic", "yaml": "pyyaml", "packaging": "packaging"}
    false = {module: f"raise ImportError('no {module} today')" for module in packages}
    # numpy ends the interpreter so that nothing heavy is imported.
    ran = run_doctor(with_false(false | {"numpy": "import os; os._exit(7)"}), tmp_path, "--json")
    assert ran.code == 1, ran.err
    for module, name in packages.items():
        assert f"no {module} today" in ran.line("packages", name)["found"]
    assert ran.line("versions", "versions")["remedy"] == "repair packaging first"


def _installed(folder: Path, **versions: str) -> str:
    """Writes down packages as pip does; gives a PYTHONPATH that has them first."""
    for name, version in versions.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return str(folder)


@pytest.fixture(scope="module")
def much_broken(tmp_path_factory: pytest.TempPathFactory, without_torch: Path) -> Ran:
    folder = tmp_path_factory.mktemp("broken")
    versions = {"diffusers": "0.35.1", "transformers": "5.3.0", "omegaconf": "3.1", "pillow": "9.0"}
    (folder / "taken").write_text("")
    places = ("--outputs", "taken", "--store", "fine/.store")
    environment = {
        "PYTHONPATH": _installed(folder / "first", **versions),
        "IMAGEIO_FFMPEG_EXE": str(folder / "nothing"),
    }
    return run_doctor(without_torch, folder, "--json", *places, **environment)


def test_a_known_bad_pair_and_versions_outside_the_range(much_broken):
    pair = much_broken.line("versions", "diffusers 0.35.1 + transformers 5.3.0")
    assert much_broken.code == 1 and pair["status"] == "broken"
    assert "FLAX_WEIGHTS_NAME" in pair["found"] and "https://github.com/huggingface/diffusers" in pair["found"]
    assert pair["remedy"] == 'pip install "diffusers>=0.36"'
    # Below vgpipe's range is broken, above it is unknown.
    assert much_broken.line("packages", "pillow")["status"] == "broken"
    assert "pillow>=" in much_broken.line("packages", "pillow")["remedy"]
    assert much_broken.line("packages", "omegaconf")["status"] == "warning"
    assert "omegaconf" in much_broken.line("versions", "hydra-core")["found"]


def test_outputs_that_cannot_be_written_and_no_ffmpeg(much_broken):
    outputs = much_broken.line("places", "outputs: write")
    assert outputs["status"] == "broken" and outputs["found"] == "taken: is a file"
    assert "hydra.run.dir" in outputs["remedy"]
    assert much_broken.line("places", "store: write")["status"] == "ok"
    ffmpeg = much_broken.line("encoders", "ffmpeg")
    assert ffmpeg["status"] == "broken" and "IMAGEIO_FFMPEG_EXE" in ffmpeg["remedy"]


def test_the_table_says_the_same_and_nothing_is_written(tmp_path, without_torch):
    ran = run_doctor(without_torch, tmp_path, COLUMNS="90")
    assert list(tmp_path.iterdir()) == []
    assert ran.code == 1
    assert "  BROKEN   torch               not installed -> pip install" in ran.out
    assert ran.out.rstrip().splitlines()[-1].endswith("vgpipe will not work as it is")
    assert max(map(len, ran.out.splitlines())) <= 90


def test_help_comes_at_once_and_imports_nothing_heavy(tmp_path):
    code = (
        "import sys; from vgpipe.cli import main; code = main(['doctor', '--help']);"
        "heavy = {'torch', 'numpy', 'hydra', 'yaml', 'pydantic', 'diffusers'} & set(sys.modules);"
        "sys.exit(code or len(heavy))"
    )
    begun_s = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and "exit codes" in ran.stdout
    assert time.monotonic() - begun_s < 1


@pytest.mark.parametrize("arguments", [["--jsn"], ["job=a.yaml"], ["--outputs"], ["--json=yes"]])
def test_unknown_arguments_are_bad_usage(vgpipe, arguments):
    ran = vgpipe("doctor", *arguments)
    assert ran.code == 2 and arguments[0].partition("=")[0] in ran.err and "doctor --help" in ran.err


def test_it_stands_in_the_help(vgpipe):
    assert "doctor [--json]" in vgpipe("--help").out
