"""Gives vgpipe model folders that try to run code, read the disk or take the machine, under several versions.

For every case of hostile_cases.py and every command it starts a process whose standard input says `y` to whatever asks,
and looks at what it left: whether the folder's code ran (a canary file), exit code, message, seconds and memory. Each
version's venv is made as compat.py makes it; the good checkpoint must render there.

    python benchmarks/hostile_checkpoints.py --keep FOLDER [--only TEXT] [--command run plan generic] [--case NAME ...]

The exit code is 1 where anything is not as expected. Found: docs/loading.md, "What a checkpoint may not do".
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from compat_table import Row, parse_matrix
from compat_venvs import ROOT, build_wheel, install_wheel, make_venv
from hostile_cases import CASES, HARMLESS, Folder

# The oldest and the newest releases that pyproject.toml allows, and one between that ran a module of the folder.
MATRIX = """
torch==2.13.0 diffusers==0.35.0 transformers==4.51.3
torch==2.13.0 diffusers==0.37.1 transformers==4.57.6
torch==2.13.0 diffusers==0.42.1 transformers==5.23.0
"""
CLIP = (
    "clip.prompt=a red circle", "clip.width=32", "clip.height=32", "clip.num_frames=5", "clip.num_inference_steps=2",
    "model.dtype=float32", "exporter=frames", "hardware.device=cpu",
)  # fmt: skip
COMMANDS = {"run": (), "plan": ("plan",), "generic": ("model=generic",), "plan-generic": ("plan", "model=generic")}
WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "blue", "circle", "square", "moving", "left", "right"]
MAX_SECONDS, MAX_WALL_S, MAX_MIB, ADDRESS_SPACE = 60, 300, 2500, 24 << 30
ENVIRONMENT = {
    **os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "4000",
    "RUST_BACKTRACE": "0", "HF_MODULES_CACHE": "modules",
}  # fmt: skip


@dataclass(frozen=True)
class Left:
    """What a command left behind.

    Attributes:
        code: exit code; negative where a signal ended it.
        text: both streams.
        seconds: of the processor.
        mib: the most memory at once.
        has_run: whether code of the folder ran.
    """

    code: int
    text: str
    seconds: float
    mib: int
    has_run: bool

    def faults(self, name: str) -> list[str]:
        """Returns what is not as it must be."""
        messages = [line for line in self.text.splitlines() if " -> " in line]
        wrong = {
            "CODE RAN": self.has_run,
            "traceback": "Traceback" in self.text,
            f"signal {-self.code}": self.code < 0,
            f"{self.seconds:.0f} s": self.seconds > MAX_SECONDS,
            f"{self.mib} MiB": self.mib > MAX_MIB,
            "not refused": self.code == 0 and name not in HARMLESS,
            "no message": self.code != 0 and not messages,
            f"exit {self.code}": self.code not in (0, 1, 2),
        }
        return [what for what, is_so in wrong.items() if is_so]


def run(python: Path, place: Path, command: str, canary: Path) -> Left:
    """Runs one command on `place/model`."""
    typed = [*COMMANDS[command], "model.id=model", *CLIP]
    with tempfile.TemporaryFile("w+") as streams:
        process = subprocess.Popen(
            [python, "-m", "vgpipe", *typed], cwd=place, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=streams,
            stderr=subprocess.STDOUT, start_new_session=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)),
        )  # fmt: skip
        killer = threading.Timer(MAX_WALL_S, os.killpg, (process.pid, signal.SIGKILL))
        killer.start()
        try:
            process.stdin.write("y\n" * 100)
            process.stdin.close()
        except BrokenPipeError:
            pass
        _, status, used = os.wait4(process.pid, 0)
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        streams.seek(0)
        text = streams.read()
    return Left(process.returncode, text, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, canary.exists())


def message_of(text: str) -> str:
    """Returns the line that says what was wrong."""
    lines = [line.strip() for line in text.splitlines() if " -> " in line]
    return lines[-1][:200] if lines else text.strip()[-200:]


def attack(python: Path, folder: Path, commands: list[str], cases: list[str]) -> list[dict[str, object]]:
    """Runs all cases with one version; returns what each left."""
    good = folder / "good"
    shutil.rmtree(good, ignore_errors=True)
    build = (
        f"from pathlib import Path; import tests.tiny_checkpoints as t; t.save_tiny_wan(Path({str(good)!r}), {WORDS})"
    )
    of_tests = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    subprocess.run([python, "-c", build], env=of_tests, cwd=folder, check=True, capture_output=True)
    results = []
    for name in ["good", *cases]:
        for command in commands:
            place = Path(tempfile.mkdtemp(dir=folder))
            one = Folder(Path(shutil.copytree(good, place / "model")), place / "canary")
            if name != "good":
                CASES[name](one)
            left = run(python, place, command, one.canary)
            wrong = left.faults(name) if name != "good" else ["the good one fails"] if left.code else []
            results.append({"case": name, "command": command, "code": left.code, "seconds": round(left.seconds, 1),
                            "mib": left.mib, "faults": wrong, "message": message_of(left.text)})  # fmt: skip
            verdict = ", ".join(wrong) or "ok"
            print(f"  {name} {command}: {verdict}: exit {left.code}, {left.seconds:.1f} s, {left.mib} MiB", flush=True)
            if wrong:
                print(left.text[-1500:], flush=True)
            shutil.rmtree(place, ignore_errors=True)
    return results


def summary(row: Row, results: list[dict[str, object]]) -> str:
    """Returns one line on what a version did."""
    hostile = [one for one in results if one["case"] != "good"]
    wrong = [one for one in hostile if one["faults"]]
    most = {key: max(one[key] for one in hostile) for key in ("seconds", "mib")}  # type: ignore[type-var]
    ran = sum("CODE RAN" in one["faults"] for one in hostile)  # type: ignore[operator]
    rendered = sum(one["code"] == 0 for one in hostile)
    checkpoints = len({one["case"] for one in hostile})
    return (
        f"{row.name}: {len(hostile)} commands on {checkpoints} checkpoints: code ran in {ran}, not as expected "
        f"{len(wrong)}, rendered though odd {rendered}, at most {most['seconds']} s and {most['mib']} MiB"
    )


def main() -> int:
    """Runs the chosen cases with the chosen versions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, default=Path("outputs/hostile"), help="venvs and results")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--command", nargs="+", choices=COMMANDS, default=["run"])
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    chosen = parser.parse_args()
    folder, is_good = chosen.keep.resolve(), True
    folder.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(folder)
    for row in parse_matrix(MATRIX):
        if chosen.only not in row.name:
            continue
        venv = folder / "venvs" / row.name
        venv.parent.mkdir(parents=True, exist_ok=True)
        if refused := make_venv(row, venv):
            print(f"{row.name}: pip: {refused}")
            continue
        install_wheel(venv, wheel)
        results = attack(venv / "bin" / "python", folder, chosen.command, chosen.case)
        (folder / f"{row.name}-{'-'.join(chosen.command)}.json").write_text(json.dumps(results, indent=1))
        print(summary(row, results), flush=True)
        is_good = is_good and not any(one["faults"] for one in results)
    return 0 if is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
