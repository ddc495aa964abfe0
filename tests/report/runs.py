"""Run directories for the tests of the page: made by hand, so that they may hold anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vgpipe.store.rundir import RunDir

HOSTILE = {
    "html": '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=1">',
    "quotes": """it's "quoted" \\" and ${oc.env:HOME} $(touch pwned) `id` \\""",
    "long": "very " * 1000,
    "rtl": "\u202eabc \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "emoji": "a \U0001f98a in the snow \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2028 second line",
    "comment": "<!-- <script> ]]> {{ 7*7 }} {% raw %}",
}


def record(name: str = "a", **changes: Any) -> dict[str, Any]:
    """Returns a record as the executor writes it."""
    return {
        "schema": 1,
        "clip": name,
        "state": "done",
        "prompt": f"prompt of {name}",
        "negative_prompt": "",
        "seed": 7,
        "width": 64,
        "height": 48,
        "num_frames": 17,
        "fps": 8.0,
        "num_inference_steps": 20,
        "guidance_scale": 3.0,
        "model": "shapes",
        "files": {"mp4": f"videos/{name}.mp4"},
        "seconds": {"encode": 0.01, "denoise": 1.0, "decode": 0.5, "export": 0.1},
        "predicted_peak_gb": 0.5,
        "peak_ram_gb": 0.6,
        "peak_vram_gb": None,
        "degradations": [],
        "segments": [],
        "made": None,
        "error": None,
        **changes,
    }


def make_run(root: Path, records: Iterable[Mapping[str, Any]], *, has_ended: bool = True) -> RunDir:
    """Writes a run directory with these records, and an (empty) file for each path that lies in it."""
    run_dir = RunDir(root)
    with run_dir:
        run_dir.write_clips(records)
        run_dir.append_event("run_started", clips=1)
        run_dir.append_event("stage_done", stage="denoise", clip="a", seconds=1.0)
        if has_ended:
            run_dir.append_event("run_ended", reason="finished")
    (root / "videos").mkdir(exist_ok=True)
    for one in run_dir.read_clips():
        if one["clip"].isalnum():
            (root / "videos" / f"{one['clip']}.mp4").touch()
    return run_dir


def data_of(run_dir: RunDir) -> dict[str, Any]:
    """Returns what report-data.js holds."""
    text = run_dir.report_data.read_text("ascii")
    data: dict[str, Any] = json.loads(text.removeprefix("window.vgpipeReport = ").removesuffix(";\n"))
    return data
