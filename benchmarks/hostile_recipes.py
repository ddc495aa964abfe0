"""160 hostile files x `verify` and `rerun`: no traceback, nothing read that should not be, bounded time and memory.

    python benchmarks/hostile_recipes.py [COUNT] [SEED]

Linux only. Each command runs in a fork of one warm process. An audit hook notes what it opens, connects to and
starts; what `verify` and `rerun` of a harmless file do as well is allowed. A case fails where there is a traceback,
an exit code other than 0, 1 or 2, a control character or a forged line in the output; where it opens a device, a
pipe, a file of the kernel, or what lies outside its own folder and is neither the image nor an adapter that the
recipe names; where it asks a network, or starts another program than ffmpeg; where it takes more than 30 s of CPU or
1 GiB more than it had.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "COLUMNS": "100"}
os.environ.update(ENVIRONMENT)  # before the libraries read them

from hostile_recipe_kinds import RECIPE, bait, carrier, made  # noqa: E402

from vgpipe.cli import main as vgpipe  # noqa: E402
from vgpipe.hub import transfer  # noqa: E402
from vgpipe.terminal import UNSAFE  # noqa: E402

MAX_CPU_S, MAX_WALL_S, MAX_GROWTH_BYTES = 30, 120, 1 << 30
ANSWERS = ("same", "drifted", "unverifiable")
OF_LIBRARIES = ("/proc/stat",)
"""What psutil reads at times."""
ALLOWED_EXITS = (0, 1, 2)


@dataclass
class Outcome:
    """What one command did."""

    exit_code: int
    output: str
    errors: str
    events: list[tuple[str, str]]
    cpu_s: float
    wall_s: float
    growth_bytes: int
    faults: list[str] = field(default_factory=list)


def _hook(events: list[tuple[str, str]]) -> None:
    def note(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open" and isinstance(arguments[0], str | bytes):
            events.append(("open", os.fsdecode(arguments[0])))
        elif name in ("socket.connect", "socket.getaddrinfo", "os.system", "os.exec", "os.posix_spawn"):
            events.append((name, repr(arguments)[:200]))
        elif name == "subprocess.Popen":
            events.append((name, os.path.basename(str(arguments[0]))))

    sys.addaudithook(note)


def _run(arguments: list[str], folder: Path) -> Outcome:
    """Runs a command in a fork; the answer is what it wrote and did."""
    report = folder / "events.json"
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            os.chdir(folder)
            events: list[tuple[str, str]] = []
            before = _peak_bytes()
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S * 2, MAX_CPU_S * 2))
            resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + (4 << 30),) * 2)
            _hook(events)
            try:
                code = vgpipe(arguments)
            except SystemExit as error:
                code = int(error.code or 0)
            except BaseException:
                import traceback

                traceback.print_exc()
                code = 71
            sys.stdout.flush()
            sys.stderr.flush()
            grown = max(_peak_bytes() - before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10)
            report.write_text(json.dumps({"events": events, "grown": grown}))
        finally:
            os._exit(code)
    status, usage = _waited(child, started)
    found = json.loads(report.read_text()) if report.exists() else {"events": [], "grown": 0}
    code = os.waitstatus_to_exitcode(status)
    return Outcome(
        code,
        (folder / "out").read_text("utf-8", "surrogateescape"),
        (folder / "err").read_text("utf-8", "surrogateescape"),
        [tuple(one) for one in found["events"]],
        usage.ru_utime + usage.ru_stime,
        time.monotonic() - started,
        found["grown"],
    )


def _waited(child: int, started: float) -> tuple[int, resource.struct_rusage]:
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            return status, usage
        if time.monotonic() - started > MAX_WALL_S:
            with contextlib.suppress(OSError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(0.01)


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def _peak_bytes() -> int:
    return _status("VmHWM")


def _data_bytes() -> int:
    return _status("VmData")


def _key(path: str, folder: Path) -> str:
    """Returns a path without what differs between two runs of the same command."""
    return re.sub(r"\d+", "#", path.replace(str(folder), "."))


def _judge(outcome: Outcome, command: str, folder: Path, usual: set[tuple[str, str]], lures: Path) -> None:
    faults = outcome.faults
    if outcome.exit_code not in ALLOWED_EXITS:
        faults.append(f"exit code {outcome.exit_code}")
    written = outcome.output + outcome.errors
    if "Traceback" in written:
        faults.append("a traceback")
    if UNSAFE.search(written):
        faults.append("a control character in the output")
    lines = outcome.output.splitlines()
    if command == "verify" and outcome.exit_code != 2 and (len(lines) != 1 or not lines[0].startswith(ANSWERS)):
        faults.append(f"{len(lines)} lines of output")
    if any(line.startswith(("same  ", "vgpipe: same")) for line in outcome.errors.splitlines()):
        faults.append("a forged line")
    for name, what in outcome.events:
        if (name, _key(what, folder)) not in usual and (odd := _odd(name, what, folder, lures)):
            faults.append(f"{odd}: {what[:100]!r}")
    if outcome.cpu_s > MAX_CPU_S or outcome.wall_s > MAX_WALL_S:
        faults.append(f"{outcome.cpu_s:.0f} s of CPU, {outcome.wall_s:.0f} s")
    if outcome.growth_bytes > MAX_GROWTH_BYTES:
        faults.append(f"{outcome.growth_bytes >> 20} MiB")


def _odd(name: str, what: str, folder: Path, lures: Path) -> str:
    if name.startswith("socket."):
        return "" if "127.0.0.1" in what else "a connection"
    if name == "subprocess.Popen":
        return "" if "ffmpeg" in what or what.startswith("python") else "a program"
    if name != "open":
        return "a program"
    if what in OF_LIBRARIES or Path(what).parent == folder:  # the latter: the file that was typed, wherever it points
        return ""
    real = os.path.realpath(folder / what) if "\0" not in what else what
    made_here = [folder.parent / name for name in ("home", "cache", "hf", "tmp")]
    roots = (folder, *made_here, Path(__file__).parents[1])
    if any(Path(real).is_relative_to(os.path.realpath(one)) for one in (*roots, sys.prefix, sys.base_prefix)):
        is_odd = os.path.exists(real) and not os.path.isfile(real) and not os.path.isdir(real)
        return "opened a special file" if is_odd else ""
    is_named = real.endswith((".png", ".safetensors"))  # the image or the adapter, as the recipe says
    if Path(real).is_relative_to(os.path.realpath(lures)) and is_named and os.path.isfile(real):
        return ""
    return "opened outside"


@contextlib.contextmanager
def _home(root: Path) -> Iterator[None]:
    for name in ("home", "tmp"):
        (root / name).mkdir()
    tempfile.tempdir = str(root / "tmp")
    os.environ.update(HOME=str(root / "home"), VGPIPE_CACHE=str(root / "cache"), HF_HOME=str(root / "hf"))
    yield


def main() -> int:
    """Runs the attack; prints each fault and a summary.

    Returns:
        0 where there was no fault.
    """
    count, seed = (int(word) for word in (*sys.argv[1:], *("160", "0")[len(sys.argv) - 1 :]))
    transfer.RETRY_WAITS_S = (0.01,)
    socket.setdefaulttimeout(5)
    with tempfile.TemporaryDirectory(prefix="hostile-") as name, _home(root := Path(name)):
        lures, usual = bait(root / "bait"), _usual(root)
        faults, outcomes = 0, []
        for number in range(count):
            folder = root / f"case{number}"
            folder.mkdir()
            file = made(seed, number, folder, lures)
            for command in ("verify", "rerun"):
                outcome = _run([command, str(file), "run.sheet=false"], folder)
                _judge(outcome, command, folder, usual, lures)
                outcomes.append((command, outcome))
                if outcome.faults:
                    faults += 1
                    said = (outcome.output + outcome.errors).strip().replace("\n", " | ")[-300:]
                    sys.stdout.write(f"{number} {command} {file.name!r}: {'; '.join(outcome.faults[:4])}: {said!a}\n")
                    sys.stdout.flush()
            shutil.rmtree(folder, ignore_errors=True)
        _summary(outcomes, faults)
    return 1 if faults else 0


def _usual(root: Path) -> set[tuple[str, str]]:
    """Returns what harmless files have the commands do; warms this process as well."""
    usual: set[tuple[str, str]] = set()
    for turn, kind in enumerate(("png", "mp4", "png", "mp4")):
        folder = root / f"usual{turn}"
        folder.mkdir()
        file = carrier(kind, json.dumps(RECIPE), folder / f"file.{kind}")
        if turn == 0:
            os.chdir(folder)
            with open(os.devnull, "w") as null, contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
                for command in ("verify", "rerun"):
                    vgpipe([command, str(file), "run.sheet=false"])
        for command in ("verify", "rerun"):
            outcome = _run([command, str(file), "run.sheet=false"], folder)
            if outcome.exit_code not in (0, 1):
                raise SystemExit(f"a harmless file: {command} gave {outcome.exit_code}: {outcome.errors}")
            usual |= {(name, _key(what, folder)) for name, what in outcome.events}
    return usual


def _summary(outcomes: list[tuple[str, Outcome]], faults: int) -> None:
    for command in ("verify", "rerun"):
        own = [outcome for name, outcome in outcomes if name == command]
        exits = dict(sorted(Counter(outcome.exit_code for outcome in own).items()))
        cpu = sorted(outcome.cpu_s for outcome in own)
        grown = max(outcome.growth_bytes for outcome in own) >> 20
        sys.stdout.write(
            f"{command}: {len(own)} files, exit codes {exits}, CPU {cpu[len(cpu) // 2]:.2f} s median, {cpu[-1]:.1f} s "
            f"most, wall {max(outcome.wall_s for outcome in own):.1f} s most, memory {grown} MiB most\n"
        )
    sys.stdout.write(f"{faults} faults\n")


if __name__ == "__main__":
    sys.exit(main())
