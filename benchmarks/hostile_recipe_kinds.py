"""Files with recipes as a stranger could hand them on: hostile in what they say, in how they say it, or as files.

`made(seed, number, folder, bait)` writes one; `benchmarks/hostile_recipes.py` and tests/provenance use it.
"""

from __future__ import annotations

import copy
import json
import os
import random
import socket
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from vgpipe.exporters.embed import embed_text
from vgpipe.exporters.ffmetadata import comment
from vgpipe.exporters.ffmpeg import executable

ESCAPES = "\x1b[2J\x1b]0;x\x07\x9b1m\r\u202ecpu\x00\x7f"
FORGED = "cpu\nsame          forged.png: all is well\n"
RECIPE: dict[str, Any] = {
    "vgpipe": 1,
    "clip": {
        "clip": "a-circle-01234567", "prompt": "a circle", "negative_prompt": "", "seed": 3, "width": 32, "height": 32,
        "num_frames": 5, "fps": 8.0, "num_inference_steps": 1, "guidance_scale": 1.0, "model": "shapes",
    },
    "model": {
        "name": "shapes", "family": "wan", "id": "embedded:shapes", "dtype": "float32", "max_sequence_length": 64,
        "reference": {
            "width": 64, "height": 64, "num_frames": 17, "fps": 8, "num_inference_steps": 20, "guidance_scale": 3.0,
        },
        "rules": {"max_num_frames": 17, "side_multiple": 16},
    },
    "memory": {},
    "exporter": {"name": "frames"},
    "parts": {}, "latents": [{"key": "k", "sha256": "s"}], "versions": {"torch": "2"}, "device": "cpu",
    "degradations": [],
}  # fmt: skip
HOW = {
    "method": "image", "segment_num_frames": 17, "min_segment_num_frames": 17, "overlap_num_frames": 1,
    "frames_step": 4, "frames_offset": 1, "num_inference_steps": 2, "match_color": True,
}  # fmt: skip
NUMBERS = (-1, 0, 10**6, 10**9, 2**63, 2**64, 10**30, 1e308, float("nan"), float("inf"), "64", None, [], {}, True, 0.5)
TEXTS = (
    ESCAPES, FORGED, "x" * 100_000, "${oc.env:HOME}", "$(id)", "{x}", "\ud800", "", "%s%n", "../../etc/passwd", 7, [],
)  # fmt: skip
PLACES = (
    "/", "/etc", "/proc/self", "/proc/self/root", "/dev", "~nosuchuser/x", "//host/share", r"\\host\share", "file:///etc",
    "http://127.0.0.1:9/x", "embedded:../../../etc", "embedded:/etc", "embedded:", "owner/name", "..", ".", "a\0b",
    "x" * 199, "owner/..", ESCAPES,
)  # fmt: skip
Recipes = Iterator[dict[str, Any]]


def bait(folder: Path) -> Path:
    """Makes what recipes name and nobody should read to its end: pipes, bombs, pictures of many kinds, a secret."""
    folder.mkdir()
    (folder / "secret.txt").write_text("secret")
    (folder / "secret.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    os.mkfifo(folder / "pipe.png")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / "s"))
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "eps.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n")
    (folder / "svg.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>')
    small = Image.new("RGB", (32, 32))
    for kind in ("TIFF", "GIF", "ICO", "PDF", "PNG"):
        small.save(folder / f"{kind.lower()}.png", kind)
    Image.new("1", (8_000, 7_990)).save(folder / "wide.png")
    (folder / "bomb.png").write_bytes(_png(_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0))))
    (folder / "sparse.png").touch()
    os.truncate(folder / "sparse.png", 300 << 30)
    return folder


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(*chunks: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    start = () if chunks and chunks[0][4:8] == b"IHDR" else (head,)
    return b"\x89PNG\r\n\x1a\n" + b"".join((*start, *chunks, _chunk(b"IEND", b"")))


def _text(text: str) -> bytes:
    return _chunk(b"iTXt", b"vgpipe\0\1\0\0\0" + zlib.compress(text.encode("utf-8", "surrogatepass"), 1))


def _set(path: str, value: object) -> dict[str, Any]:
    recipe = copy.deepcopy(RECIPE)
    *way, last = path.split(".")
    place = recipe
    for name in way:
        place = place[name]
    place[last] = value
    return recipe


def recipes(dice: random.Random, lures: Path) -> dict[str, Any]:
    """Returns a recipe that is hostile in one way, or in two."""
    other = [Path("/dev/zero"), Path("/dev/full"), Path("/dev/random"), Path("/dev/tty"), Path("/proc/self/environ")]
    other += [Path("/proc/kmsg"), Path("/proc/kcore"), Path("/proc/self/fd/0"), Path("/sys/kernel/notes"), lures]
    images = ["~nosuchuser/x.png", "x\0y", "/" + "x/" * 3000, "rel.png", ESCAPES]
    images += map(str, (*other, *sorted(lures.iterdir())))
    exporters = [
        {"name": "mp4", "upscale_height": 8640, "fps": 240.0, "interpolate": "minterpolate"},
        {"name": "gif", "upscale_factor": 16.0, "fps": 240.0}, {"name": "webm", "upscale_height": 4320},
        {"name": "mp4", "fps": float("nan")}, {"name": "mp4", "encoder": "h264_nvenc -f tee /etc/x"},
        {"name": "mp4", "preset": "fast;movie=/etc/passwd"}, {"name": "../mp4"}, {"_target_": "os.system"},
        {"name": "sheet", "columns": 32, "rows": 32, "frame_width": 4096}, {"name": "mp4", "timeout_s": 1e300},
        {"name": "frames", "image_format": "eps"}, {"name": "ffv1", "file": "/etc/x"}, [], "mp4", None,
    ]  # fmt: skip
    deep: Any = "x"
    for _ in range(dice.choice((50, 900, 5_000, 100_000))):
        deep = [deep]
    of_model = ("name", "family", "revision", "variant", "note", "_target_")
    of_clip = ("width", "height", "num_frames", "fps", "seed", "num_inference_steps")
    arguments: Any = ({"prompt": "x"}, {"callback": "os"}, {ESCAPES: 1}, {"a": deep})
    memory: Any = ({"weights": {ESCAPES: "nf4"}}, {"attention": FORGED}, {"strategy": "x"}, [])
    compared = ("device", "versions.torch", "versions.vgpipe", "latents", "parts")
    lengths = (0, 1, 5, -5, 10**9)
    ways: list[Callable[[], dict[str, Any]]] = [
        lambda: _set("clip", {**RECIPE["clip"], "image": dice.choice(images), "image_sha256": "0" * 64}),
        lambda: _set("clip", {**RECIPE["clip"], "image": dice.choice(images), "image_sha256": "0" * 64}),
        lambda: _set("model.id", dice.choice([*PLACES, str(lures), str(lures / "pipe.png")])),
        lambda: _set("model.components", {dice.choice(("vae", "x", ESCAPES)): {"id": dice.choice(PLACES)}}),
        lambda: _set("model.components", {"vae": {"id": str(lures), "file": dice.choice(("../x", "/x", "pipe.png"))}}),
        lambda: _set("model.loras", [{"id": dice.choice([*PLACES, *map(str, sorted(lures.iterdir()))])}]),
        lambda: _set(f"model.{dice.choice(of_model)}", dice.choice(TEXTS)),
        lambda: _set("model.scheduler", {"name": dice.choice(("os.system", "../x", ESCAPES)), "config": {"a": FORGED}}),
        lambda: _set("model.pipeline_kwargs", dice.choice(arguments)),
        lambda: _set(f"model.rules.{dice.choice(('side_multiple', 'frames_step'))}", dice.choice(NUMBERS)),
        lambda: _set("exporter", dice.choice(exporters)),
        lambda: _set("exporter", dice.choice(exporters)),
        lambda: _set(f"clip.{dice.choice(of_clip)}", dice.choice(NUMBERS)),
        lambda: _set(f"clip.{dice.choice(('clip', 'prompt', 'negative_prompt', 'model'))}", dice.choice(TEXTS)),
        lambda: _set("clip.continuation", {**HOW, dice.choice(list(HOW)): dice.choice((*NUMBERS, 17))}),
        lambda: _set("clip.shots", [{"prompt": "x", "num_frames": dice.choice(lengths)}] * dice.choice((1, 5, 3_000))),
        lambda: _set("memory", dice.choice(memory)),
        lambda: _set(dice.choice(compared), dice.choice(TEXTS)),
        lambda: _set("device", dice.choice((ESCAPES, FORGED, ESCAPES + FORGED))),
        lambda: _set("latents", [{"key": deep, "sha256": FORGED}] * dice.choice((1, 20_000))),
        lambda: _set("parts", {FORGED * dice.choice((1, 500)): ESCAPES}),
        lambda: _set(dice.choice(list(RECIPE)), dice.choice((deep, [], {}, None, 10**400, "x", [RECIPE] * 50))),
        lambda: {key: value for key, value in RECIPE.items() if key != dice.choice(list(RECIPE))},
    ]  # fmt: skip
    return dice.choice(ways)()


def made(seed: int, number: int, folder: Path, lures: Path) -> Path:
    """Writes one file, or something that is named like one.

    Args:
        seed: of all of them.
        number: which one.
        folder: an empty folder for it.
        lures: of `bait`.
    """
    dice = random.Random(f"{seed} {number}")
    if dice.random() < 0.25:
        return _odd_file(dice, folder)
    try:
        text = json.dumps(recipes(dice, lures))
    except (RecursionError, ValueError):  # deeper than can be written like this
        text = '{"vgpipe":1,"clip":' + "[" * 200_000
    kind = dice.choice(("png", "png", "png", "jpg", "gif", "webp", "apng", "mp4", "mkv", "mov"))
    return carrier(kind, text, folder / f"file.{'png' if kind == 'apng' else kind}")


def carrier(kind: str, text: str, path: Path) -> Path:
    """Writes a file of a kind with a text where a recipe is."""
    small = Image.new("RGB", (16, 16))
    if kind in ("mp4", "mkv", "mov"):
        (path.parent / "meta").write_text(";FFMETADATA1\n" + comment(text[:60_000]), "utf-8", "surrogatepass")
        source = ["-f", "lavfi", "-i", "color=s=16x16:d=0.2", "-f", "ffmetadata", "-i", str(path.parent / "meta")]
        target = ["-map_metadata", "1", "-c:v", "mpeg4", "-y", str(path)]
        subprocess.run([executable(), "-v", "error", *source, *target], check=True)
    elif kind == "jpg":
        small.save(path, comment=text.encode()[:65_000])
    elif kind in ("gif", "webp"):
        small.save(path)
        embed_text(path, text)
    elif kind == "apng":
        small.save(path, save_all=True, append_images=[Image.new("RGB", (16, 16), "red")])
        embed_text(path, text)
    else:
        path.write_bytes(_png(_text(text)))
    return path


def _odd_file(dice: random.Random, folder: Path) -> Path:
    names = ("x.png", "x.mp4", "-i.mp4", "a\nsame  b.png", "\x1b[2Jx.png", "%03d.mp4", "concat:a|b.mp4")
    path = folder / dice.choice(names)
    whole = _png(_text(json.dumps(RECIPE)))
    atom = struct.pack(">I4sI", 16, b"ftyp", 0) + b"mp42"
    contents: list[Callable[[], bytes]] = [
        lambda: b"", lambda: b"\0" * 5_000, lambda: dice.randbytes(50_000), lambda: whole[: dice.randrange(len(whole))],
        lambda: _png(_chunk(b"iTXt", b"vgpipe\0\1\0\0\0" + zlib.compress(b'"vgpipe"' + b" " * (200 << 20), 1))),
        lambda: b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**32 - 1, b"iTXt") + b"vgpipe",
        lambda: b"\x89PNG\r\n\x1a\n" + _chunk(b"tEXt", b"") * 300_000,
        lambda: _png(*[_text('{"vgpipe":0}')] * 5_000),
        lambda: b"\xff\xd8" + b"\xff\xfe\xff\xff" * 50_000, lambda: b"GIF89a" + b"\0" * 7 + b"\x21\xfe\x01x" * 100_000,
        lambda: b"RIFF" + b"\xff" * 4 + b"WEBPXMP \xff\xff\xff\xff" + b"x" * 99,
        lambda: atom + struct.pack(">I4sQ", 1, b"moov", 2**62),
        lambda: atom + struct.pack(">I4s", 8, b"moov") * 200_000,
        lambda: b"".join(struct.pack(">I4s", 8 * (900 - n), b"moov") for n in range(900)),
        lambda: b"\x1aE\xdf\xa3\x01" + b"\xff" * 40_000, lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n",
        lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", lambda: b"%!PS-Adobe-3.0\n",
    ]  # fmt: skip
    place = dice.randrange(len(contents) + 6)
    if place < len(contents):
        path.write_bytes(contents[place]())
        return path
    if place == len(contents):
        os.mkfifo(path)
    elif place == len(contents) + 1:
        path.symlink_to(dice.choice(("/dev/zero", "/proc/self/environ", "/etc/shadow", str(path))))
    elif place == len(contents) + 2:
        path.mkdir()
        os.mkfifo(path / "000000.png")
    elif place == len(contents) + 3:
        path.mkdir()
        (path / "000000.png").write_bytes(_png(_text(json.dumps(_set("device", FORGED)))))
    elif place == len(contents) + 4:
        path.touch()
        os.truncate(path, 100 << 30)
    else:
        return Path(dice.choice(("/dev/zero", "/dev/tty", "~nosuchuser/x.png", "x\0y", "/proc/self/mem")))
    return path
