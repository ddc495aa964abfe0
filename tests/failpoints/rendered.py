"""What a run left: its finished pictures and latents, its temporary files."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPORARY = (".tmp*", ".with-recipe-*", ".probe", "bad-*")


def result_of(root: Path) -> dict[str, str]:
    """Returns the SHA-256 of the pictures in every finished file and of all latents, by path.

    Args:
        root: holds `run` and `outputs/.store`.
    """
    lines = (root / "run/clips.jsonl").read_text("utf-8").splitlines()
    newest = {record["clip"]: record for record in map(json.loads, lines)}
    found = {name: str(record["state"]) for name, record in newest.items()}
    placed = [root / "run" / path for record in newest.values() for path in record["files"].values()]
    latents = sorted((root / "outputs/.store/denoise").glob("*/*/*.safetensors"))
    return found | {str(path.relative_to(root)): digest_of(path) for path in (*placed, *latents)}


def broken_promises(root: Path, whole: Mapping[str, str]) -> list[str]:
    """Returns the files of clips that clips.jsonl says are done which are not there, or not whole.

    Args:
        root: holds `run`.
        whole: what `result_of` gives of a run left alone.
    """
    path = root / "run/clips.jsonl"
    lines = path.read_text("utf-8", errors="replace").splitlines() if path.exists() else []
    newest = {record["clip"]: record for record in map(_readable, lines) if record}
    files = [path for record in newest.values() if record["state"] == "done" for path in record["files"].values()]
    there = {f"run/{path}": digest_of(root / "run" / path) for path in files}
    return [f"done but not there: {name}" for name, digest in there.items() if digest != whole.get(name)]


def _readable(line: str) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}


def digest_of(path: Path) -> str:
    """Returns the SHA-256 of the pictures in a finished file or folder; "" where they are not there."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        return hashlib.sha256(b"".join(map(_pictures, files))).hexdigest()
    except (OSError, ValueError):
        return ""


def _pictures(path: Path) -> bytes:
    """Returns a file without its recipe, which names the clip that was exported first."""
    if path.suffix == ".mp4":
        return _media_of_mp4(path.read_bytes())
    if path.suffix in (".png", ".jpg"):
        from PIL import Image

        with Image.open(path) as image:
            return image.tobytes()
    return path.read_bytes()


def _media_of_mp4(data: bytes) -> bytes:
    """Returns the box with the encoded pictures.

    Raises:
        ValueError: where the file ends early.
    """
    at, found = 0, b""
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if size < 8 or at + size > len(data):
            raise ValueError("the file ends early")
        found += data[at : at + size] if kind == b"mdat" else b""
        at += size
    return found


def leftovers(root: Path) -> list[str]:
    """Returns the temporary files that a finished run should not leave; torch keeps a cache in a folder of its own."""
    found = [path for pattern in TEMPORARY for path in root.rglob(pattern)]
    ours = [path for path in (root / "tmp").iterdir() if not path.name.startswith("torchinductor")]
    return [str(path.relative_to(root)) for path in (*found, *ours)]


def warm_up(root: Path, arguments: Sequence[str]) -> None:
    """Runs a command line in this process, so that forks need no imports; with one thread, which forks need.

    Args:
        root: where; the cache and the temporary files go below it, now and in the forks.
        arguments: after the program's name.

    Raises:
        SystemExit: where it fails.
    """
    import torch
    from tqdm import tqdm

    from vgpipe.cli import main

    torch.set_num_threads(1)
    tqdm.monitor_interval = 0  # else it starts a thread
    os.environ["VGPIPE_CACHE"], os.environ["TMPDIR"] = str(root / "cache"), str(root / "tmp")
    tempfile.tempdir = None
    os.chdir(root)
    if main(list(arguments)) != 0:
        raise SystemExit("the job fails undisturbed")
