"""Which versions of torch, diffusers and transformers vgpipe works with: measured, in a fresh venv for each row.

In each venv it renders jobs/demo.yaml with the embedded model (`quality=quick`) and one clip of every tiny checkpoint
of tests/tiny (built once, in this environment) through the command line, and compares the frames with those of the
first row. A row's results are saved as it ends, so a second call does only what is missing. Slow (minutes a row) and
large (1 to 6 GB a venv).

usage: python benchmarks/compat.py [--keep FOLDER] [--only TEXT] [--case NAME] [--again] [--unchecked] [--json]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compat_published import as_published
from compat_table import BREAKS, Outcome, Ran, Row, classify, count, drift, fault_in, markdown, parse_matrix
from compat_venvs import ROOT, build_wheel, install_wheel, installed, make_venv

# The lower ends of pyproject.toml.
LOWEST = (
    "accelerate==1.2.0 safetensors==0.4.5 hydra-core==1.3.2 omegaconf==2.3.0 pydantic==2.9.0 pyyaml==6.0.1 "
    "jinja2==3.1.0 numpy==1.26.0 imageio-ffmpeg==0.5.1 pillow==10.3.0 tqdm==4.66.0 ftfy==6.1.1 packaging==24.0 "
    "huggingface_hub==0.34.0 sentencepiece==0.2.0 protobuf==4.25.0 filelock==3.12.0 platformdirs==4.0.0 "
    "psutil==5.9.0 nvidia-ml-py==12.535.77 rich==13.0.0"
)
# The first row is the reference: the frames of all others are compared with its frames.
MATRIX = f"""
torch==2.13.0 diffusers==0.42.1 transformers==5.23.0
torch==2.13.0 diffusers==0.42.1 transformers==5.3.0
torch==2.13.0 diffusers==0.42.1 transformers==5.0.0
torch==2.13.0 diffusers==0.42.1 transformers==4.57.6
torch==2.13.0 diffusers==0.40.0 transformers==5.12.1
torch==2.13.0 diffusers==0.39.0 transformers==4.57.6
torch==2.13.0 diffusers==0.37.1 transformers==5.3.0
torch==2.13.0 diffusers==0.37.1 transformers==4.57.6
torch==2.13.0 diffusers==0.36.0 transformers==5.23.0
torch==2.13.0 diffusers==0.36.0 transformers==4.51.3
torch==2.13.0 diffusers==0.35.2 transformers==5.23.0
torch==2.13.0 diffusers==0.35.2 transformers==4.57.6
torch==2.13.0 diffusers==0.35.1 transformers==5.3.0
torch==2.13.0 diffusers==0.35.0 transformers==4.51.3
torch==2.6.0 diffusers==0.42.1 transformers==5.23.0
torch==2.6.0 diffusers==0.35.2 transformers==4.51.3 {LOWEST}
"""
CLIP = (
    "clip.prompt=a small red circle moving right", "clip.seed=3", "clip.width=64", "clip.height=32",
    "clip.num_frames=9", "clip.num_inference_steps=2", "clip.guidance_scale=3", "model.rules.min_side=16",
    "model.dtype=float32", "exporter=frames",
)  # fmt: skip
FURTHER: dict[str, tuple[str, ...]] = {
    "animatediff_sd15": (
        "model.components.motion_adapter.id={folder}/adapter", "model.components.motion_adapter.revision=null",
    ),
    "cogvideox15_5b": ("clip.num_frames=17",),
    "cogvideox_5b_i2v": (
        "clip.image={image}", "clip.width=48", "model.rules.side_multiple=16", "model.rules.frames_step=8",
        "model.rules.frames_offset=1",
    ),
    "hunyuan_video_15_480p_distilled": ("clip.image={image}",),
    "hunyuan_video_15_i2v": ("clip.image={image}",),
    "wan21_flf2v_14b": ("clip.image={image}", "clip.last_image={image}"),
    "wan21_i2v_14b_480p": ("clip.image={image}",),
    "wan21_i2v_14b_720p": ("clip.image={image}",),
    "wan22_i2v_a14b": ("clip.image={image}",),
}  # fmt: skip
DEMO_LIMIT_S = 900
QUIET = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}


class Workshop:
    """Builds checkpoints, the wheel and venvs below one folder, and runs the cases there."""

    def __init__(self, folder: Path, keeps_venvs: bool, unchecked: bool):
        self.folder = folder
        self.keeps_venvs = keeps_venvs
        self.suffix = "-unchecked" if unchecked else ""
        self.environment = {**os.environ, **QUIET, "VGPIPE_SKIP_VERSION_CHECK": "1" if unchecked else "0"}

    def checkpoint(self, option: str) -> Path:
        """Returns the tiny checkpoint of a model option, built by this environment's versions."""
        place = self.folder / "checkpoints" / option
        if not place.exists():
            shutil.rmtree(place.with_suffix(".part"), ignore_errors=True)
            command = [sys.executable, "-m", "tests.tiny", option, place.with_suffix(".part")]
            subprocess.run(command, cwd=ROOT, env={**self.environment, "PYTHONPATH": str(ROOT)}, check=True)
            as_published(place.with_suffix(".part"))
            place.with_suffix(".part").rename(place)
        return place

    def run(self, rows: Sequence[Row], options: argparse.Namespace, cases: Sequence[str]) -> list[dict[str, Any]]:
        """Runs the chosen rows, the reference first; returns what is known of them."""
        chosen = [row for row in rows if not options.only or any(text in row.name for text in options.only)]
        if options.saved:
            return [result for row in chosen if (result := self.saved(row))]
        if options.again:
            for row in chosen:
                self._forget(row, cases)
        wheel = build_wheel(self.folder)
        for case in cases:
            if case != "demo":
                self.checkpoint(case)
        return [self._run_row(row, wheel, cases, rows[0]) for row in chosen]

    def _run_row(self, row: Row, wheel: Path, cases: Sequence[str], reference: Row) -> dict[str, Any]:
        """Runs those cases of a row that its saved results lack; saves and returns the results."""
        result = self.saved(row) or {"pins": row.pins, "installed": {}, "setup": "", "outcomes": {}}
        missing = [case for case in cases if case not in result["outcomes"]]
        if result["setup"] or not missing:
            return result
        print(f"{row.name}: {', '.join(missing)}", file=sys.stderr, flush=True)
        venv = self.folder / "venvs" / row.name
        result["setup"] = make_venv(row, venv)
        if not result["setup"]:
            install_wheel(venv, wheel)
            self._run_cases(row, venv, missing)
            result["installed"] = installed(venv)
            result["outcomes"] |= {case: dataclasses.asdict(self._judge(row, case, reference)) for case in missing}
        self._save(row, result)
        if not self.keeps_venvs:
            shutil.rmtree(venv, ignore_errors=True)
        return result

    def saved(self, row: Row) -> dict[str, Any] | None:
        """Returns what an earlier call saved of a row."""
        place = self.folder / "results" / f"{row.name}{self.suffix}.json"
        result = json.loads(place.read_text()) if place.is_file() else {}
        return result if result.get("pins") == [list(pin) for pin in row.pins] else None

    def _forget(self, row: Row, cases: Sequence[str]) -> None:
        """Drops what was saved of some cases, and pip's refusal."""
        if result := self.saved(row):
            outcomes = {case: one for case, one in result["outcomes"].items() if case not in cases}
            self._save(row, {**result, "setup": "", "outcomes": outcomes})

    def _save(self, row: Row, result: dict[str, Any]) -> None:
        place = self.folder / "results" / f"{row.name}{self.suffix}.json"
        place.parent.mkdir(exist_ok=True)
        place.with_suffix(".part").write_text(json.dumps(result, indent=1))
        place.with_suffix(".part").replace(place)

    def _place(self, row: Row, case: str) -> Path:
        return self.folder / "runs" / f"{row.name}{self.suffix}" / case

    def _run_cases(self, row: Row, venv: Path, cases: Sequence[str]) -> None:
        python = venv / "bin" / "python"
        for case in cases:
            shutil.rmtree(self._place(row, case), ignore_errors=True)
            self._place(row, case).mkdir(parents=True)
        if "demo" in cases:
            command = [python, "-m", "vgpipe", *self._arguments("demo")]
            _run_alone(self._place(row, "demo"), command, self.environment)
        options = [case for case in cases if case != "demo"]
        if not options:
            return
        order = {str(self._place(row, case)): self._arguments(case) for case in options}
        spec = self._place(row, "options.json")
        spec.write_text(json.dumps({"classes": self._classes(options), "cases": order}))
        inside = Path(__file__).with_name("compat_inside.py")
        subprocess.run([python, inside, spec], env=self.environment, cwd=self.folder)

    def _arguments(self, case: str) -> list[str]:
        if case == "demo":
            return [f"job={ROOT / 'jobs' / 'demo.yaml'}", "quality=quick"]
        folder = self.checkpoint(case)
        further = [text.format(image=self._picture(), folder=folder) for text in FURTHER.get(case, ())]
        return [f"model={case}", f"model.id={folder}", *CLIP, *further]

    def _picture(self) -> Path:
        place = self.folder / "first.png"
        if not place.exists():
            import numpy as np
            from PIL import Image

            Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 48, 3), "uint8")).save(place)
        return place

    def _classes(self, options: Sequence[str]) -> list[tuple[str, str]]:
        indices = [json.loads((self.checkpoint(one) / "model_index.json").read_text()) for one in options]
        parts = [tuple(value) for index in indices for value in index.values() if isinstance(value, list)]
        pipelines = [("diffusers", index["_class_name"]) for index in indices]
        return sorted({pair for pair in [*pipelines, *parts] if all(pair)})

    def _judge(self, row: Row, case: str, reference: Row) -> Outcome:
        place, model = self._place(row, case), self.folder / "runs" / reference.name / case
        ran, seconds = read_run(place)
        fault, note = drift(tensors_of(place), tensors_of(model)) if ran.code == 0 else ("", "")
        fault = fault or (fault_in(frames_of(place), frames_of(model)) if ran.code == 0 else "")
        outcome = classify(ran, fault, note)
        # The same message in every row, so that the table has one note for it.
        reason = outcome.reason.replace(f"{self.folder}/checkpoints/", "").replace(f"{place}/", "")
        return Outcome(outcome.verdict, reason, round(seconds, 1))


def _run_alone(place: Path, command: Sequence[str | Path], environment: dict[str, str]) -> None:
    """Runs a command in `place`, as compat_inside.py runs a case there."""
    started = time.monotonic()
    with (place / "out").open("w") as out, (place / "err").open("w") as err:
        try:
            code = subprocess.run(
                command, cwd=place, env=environment, stdout=out, stderr=err, timeout=DEMO_LIMIT_S
            ).returncode
        except subprocess.TimeoutExpired:
            code = -9
    (place / "ended.json").write_text(json.dumps({"code": code, "seconds": time.monotonic() - started}))


def read_run(place: Path) -> tuple[Ran, float]:
    """Returns what a case left in its folder, and its seconds."""
    if not (place / "ended.json").is_file():
        return Ran(-9, "", "it never ran to its end"), 0.0
    ended = json.loads((place / "ended.json").read_text())
    lines = [line for path in place.glob("outputs/*/*/clips.jsonl") for line in path.read_text().splitlines()]
    records = {record["clip"]: record for record in map(json.loads, lines)}
    texts = [(place / name).read_text(errors="replace") for name in ("out", "err")]
    return Ran(ended["code"], *texts, tuple(records.values())), ended["seconds"]


def frames_of(place: Path) -> dict[str, Any]:
    """Returns the frames of every finished clip of a run, (T, H, W, 3) uint8."""
    import numpy as np
    from imageio_ffmpeg import read_frames
    from PIL import Image

    found = {}
    for folder in place.glob("outputs/*/*/frames/*"):
        found[folder.name] = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])
    for path in place.glob("outputs/*/*/videos/*.mp4"):
        reader = read_frames(str(path))
        width, height = next(reader)["source_size"]
        found[path.stem] = np.stack([np.frombuffer(one, "uint8").reshape(height, width, 3) for one in reader])
    return found


def tensors_of(place: Path) -> dict[str, Any]:
    """Returns what the clips of a run were encoded and denoised to, float32: all clips' tensors of a kind in a row."""
    import numpy as np
    from safetensors.torch import load_file

    found: dict[str, list[Any]] = {}
    for record in sorted(read_run(place)[0].records, key=lambda record: record["clip"]):
        for kind in ("prompt_embeds", "negative_prompt_embeds", "latents"):
            digest = record.get("artifacts", {}).get(kind) or "none"
            for path in place.glob(f"outputs/.store/*/*/{digest}/*.safetensors"):
                tensors = load_file(path)
                tensors.pop("generator", None)
                found.setdefault(kind, []).extend(one.float().numpy().ravel() for one in tensors.values())
    return {kind: np.concatenate(arrays) for kind, arrays in found.items()}


def groups() -> dict[str, list[str]]:
    """Returns column -> cases: the demo, then the options of each family that tests/tiny builds."""
    import yaml

    sys.path.insert(0, str(ROOT))
    from tests.tiny import BUILDERS

    found: dict[str, list[str]] = {"demo": ["demo"]}
    for option in BUILDERS:
        config = yaml.safe_load((ROOT / "conf" / "model" / f"{option}.yaml").read_text())
        found.setdefault(config["family"], []).append(option)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="everything goes there and stays, venvs too; default outputs/compat")
    parser.add_argument("--only", action="append", default=[], help="rows whose name holds this, diffusers0.36; again")
    parser.add_argument("--case", action="append", default=[], help="demo or an option of conf/model; again for more")
    parser.add_argument("--again", action="store_true", help="also run what is saved")
    parser.add_argument("--saved", action="store_true", help="run nothing, show what is saved")
    parser.add_argument("--unchecked", action="store_true", help="switch vgpipe's own check of versions off")
    parser.add_argument("--matrix", type=Path, help="a file with rows, in place of the matrix in this script")
    parser.add_argument("--json", action="store_true", help="print the results as JSON, not as a table")
    options = parser.parse_args()
    rows, columns = parse_matrix(options.matrix.read_text() if options.matrix else MATRIX), groups()
    cases = options.case or [case for column in columns.values() for case in column]
    shop = Workshop((options.keep or Path("outputs/compat")).resolve(), bool(options.keep), options.unchecked)
    results = shop.run(rows, options, cases)
    print(json.dumps(results, indent=1) if options.json else markdown(results, columns))
    counts = count(results)
    print(", ".join(f"{number} {verdict}" for verdict, number in counts.items()), file=sys.stderr)
    sys.exit(1 if counts[BREAKS] else 0)


if __name__ == "__main__":
    main()
