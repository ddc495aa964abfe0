"""The wheel, installed in a fresh environment outside the checkout, renders a clip."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from imageio_ffmpeg import count_frames_and_secs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment's python with the built wheel; its dependencies come from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", folder, ROOT]
    subprocess.run(build, check=True, cwd=folder)
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wheel = next(folder.glob("vgpipe-*.whl"))
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True, cwd=folder)
    site = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], text=True
    ).strip()
    # After its own packages, so that vgpipe is the installed wheel and not this checkout.
    (Path(site) / "dependencies.pth").write_text(_dependencies(folder))
    return python


def _dependencies(folder: Path) -> str:
    """Returns a folder with links to everything this environment has but vgpipe itself."""
    links = folder / "dependencies"
    links.mkdir()
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "vgpipe" not in path.name and path.suffix != ".pth":
            (links / path.name).symlink_to(path)
    return f"{links}\n"


def test_every_package_is_listed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "vgpipe").rglob("__init__.py")}
    assert set(listed) == folders | {"vgpipe.conf"}


def test_it_holds_groups_and_weights_and_renders_outside_the_checkout(installed, tmp_path):
    where = [installed, "-c", "import vgpipe, vgpipe.conf; print(vgpipe.__file__, vgpipe.conf.__path__[0])"]
    assert str(ROOT) not in subprocess.check_output(where, cwd=tmp_path, text=True)
    command = [installed, "-m", "vgpipe", "clip.prompt=a small red circle moving left", "quality=quick"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    video = next((tmp_path / "outputs/clip").rglob("*.mp4"))
    assert count_frames_and_secs(str(video))[0] == 17


def test_it_holds_the_outlines_of_known_checkpoints(installed, tmp_path):
    program = (
        "from vgpipe.models.checkpoint.manifest import manifest_of; "
        "one = manifest_of('wan21_t2v_14b', 'Wan-AI/Wan2.1-T2V-14B-Diffusers'); "
        "print(one.config('transformer')['num_layers'], one.size_bytes('transformer'))"
    )
    told = subprocess.check_output([installed, "-c", program], cwd=tmp_path, text=True)
    assert told.split() == ["40", "57153966336"]
