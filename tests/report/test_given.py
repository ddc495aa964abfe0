"""What clips are given, in the page of a run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from vgpipe.report.given import given_of, write_given
from vgpipe.report.media import Media
from vgpipe.store.rundir import RunDir


def test_the_page_shows_small_copies_of_the_images_that_the_records_name(tmp_path: Path):
    Image.new("RGB", (900, 300), "red").save(tmp_path / "a.png")
    sha256 = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    there, gone = ({"image": str(tmp_path / name), "image_sha256": sha256} for name in ("a.png", "b.png"))
    record = {
        **there, "last_image": str(tmp_path / "a.png"), "last_image_sha256": "0" * 64,
        "images": [{"frame": 8, **gone}, 3, {"frame": "x"}], "video": "/v/c.mp4", "strength": 0.5,
    }  # fmt: skip
    run_dir = RunDir(tmp_path / "run")
    run_dir.root.mkdir()
    write_given(run_dir, [record, {"image": 3}])
    copy = f"given/{sha256[:32]}.jpg"
    with Image.open(run_dir.root / copy) as small:
        assert small.size == (160, 53) and len(list((run_dir.root / "given").iterdir())) == 1
    assert given_of(record, Media(run_dir.root)) == [
        {"what": "first frame", "name": "a.png", "url": f"./{copy}"},
        {"what": "frame 8", "name": "b.png", "url": f"./{copy}"},
        {"what": "last frame", "name": "a.png"},
        {"what": "video, restyled with strength 0.5", "name": "c.mp4"},
    ]
