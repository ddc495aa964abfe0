"""Renders one clip in 40 environments that machines really have, and says where one behaves otherwise than expected.

Standard streams, locales, HOME, umask, limits, full and read-only disks, missing folders. Needs Linux, root (for mounts
in namespaces of their own) and util-linux; takes some ten minutes. A case passes where the exit codes are the expected
ones, the expected words are in run.log or on stderr, there is no traceback, and the frames of a finished clip are those
of an ordinary run.

usage: python benchmarks/environments.py [--only WORD] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
LIMIT_S = 300
LOG = "\n--- run.log ---\n"
"""Before what a run logs, which holds tracebacks for developers."""
SIZE = "clip.width=64 clip.height=64 clip.num_frames=5 quality.num_inference_steps=2 executor.canary=false"
RUN = f"'clip.prompt=a small red circle' {SIZE} exporter=mp4+frames hydra.run.dir=run"
NO_ROOT = "setpriv --bounding-set=-dac_override,-dac_read_search,-fowner"
"""Root without the right to pass over the modes of files."""
NOBODY = "setpriv --reuid=54321 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override"
"""A user whom the system does not know, with the right to read what root has installed."""
UNPLANNED = f"{RUN} run.plan=off"  # the plan would refuse a disk with so little room
PYTHON = f"python -m vgpipe {RUN}"
GONE = "stderr cannot be written any more"
ODD_NAME = "$'a \\'b\"\\n红'"
ASCII = "LC_ALL=C LANG=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii"
GERMAN = RUN.replace("clip.prompt=a small red circle", 'clip.prompt="größer, Kreis 红"')


@dataclass(frozen=True, slots=True)
class Case:
    """One environment.

    Attributes:
        group: what it is about.
        name: in words.
        script: for bash; `vgpipe` runs it, `code` notes the exit code of what ran last, `keep` saves the run.
        codes: the exit codes that it must note.
        says: what run.log or stderr must hold, a regular expression; empty for nothing in particular.
        compares: whether the frames must be those of an ordinary run.
    """

    group: str
    name: str
    script: str
    codes: tuple[int, ...] = (0,)
    says: str = ""
    compares: bool = True


def _run(prefix: str = "", suffix: str = "", arguments: str = RUN) -> str:
    return f"{prefix} vgpipe {arguments} {suffix}; code; keep"


def _mounted(mount: str, then: str) -> str:
    """Returns a script that runs in a namespace of its own, where it may mount."""
    return f"{mount}\n{then}"


def _signalled(signal: str, prefix: str = "") -> str:
    """Returns a script that sends a signal to a run as soon as it denoises, and resumes it where it stopped."""
    slow = RUN.replace("num_inference_steps=2", "num_inference_steps=60")
    return (
        f"{prefix} python -m vgpipe {slow} & child=$!\n"
        "for _ in $(seq 600); do grep -qs 'loaded transformer' run/run.log && break; sleep 0.1; done\n"
        f"kill -{signal} $child; wait $child; code\nvgpipe resume run; code"
    )


FULL = "no space|disk of"
CASES = (
    Case("streams", "stdout closed", _run(suffix=">&-"), says="stdout was closed"),
    Case("streams", "stderr closed", _run(suffix="2>&-"), says="stderr was closed"),
    Case("streams", "stdin closed", _run(suffix="<&-"), says="stdin was closed"),
    Case("streams", "all three closed", _run(suffix="<&- >&- 2>&-"), says="stderr was closed"),
    Case(
        "streams",
        "`2>&1 | head -1`",
        f"vgpipe {RUN} 2>&1 | head -1; code ${{PIPESTATUS[0]}}; keep",
        says=GONE,
    ),
    Case("streams", "stderr on a full disk", _run(suffix="2>/dev/full"), says=GONE),
    Case("streams", "stdout on a full disk", _run(suffix=">/dev/full"), says="stdout: .*No space"),
    Case("streams", "both on a full disk", _run(suffix=">/dev/full 2>/dev/full"), says=GONE),
    Case(
        "streams", "run.log on a full disk", f"mkdir run; ln -s /dev/full run/run.log; {_run()}", says="is incomplete"
    ),
    Case("signals", "SIGHUP, then resume", _signalled("HUP"), (3, 0), "SIGHUP received", compares=False),
    Case("signals", "SIGHUP under nohup", _signalled("HUP", "nohup"), (0, 0), compares=False),
    Case(
        "signals",
        "the terminal is closed",
        "python - <<'END'\nimport os, pty, subprocess, sys, time\n"
        "main, side = pty.openpty()\n"
        f"line = [sys.executable, '-m', 'vgpipe', *{shlex.split(RUN.replace('steps=2', 'steps=60'))!r}]\n"
        "child = subprocess.Popen(line, stdin=side, stdout=side, stderr=side, start_new_session=True,\n"
        "    preexec_fn=lambda: __import__('fcntl').ioctl(0, __import__('termios').TIOCSCTTY, 0))\n"
        "os.close(side)\n"
        "end = time.monotonic() + 60\n"
        "while time.monotonic() < end:\n"
        "    if os.path.exists('run/run.log') and 'loaded transformer' in open('run/run.log').read(): break\n"
        "    time.sleep(0.1)\n"
        "    os.set_blocking(main, False)\n"
        "    try: os.read(main, 1 << 16)\n"
        "    except OSError: pass\n"
        "os.close(main)\nsys.exit(child.wait())\nEND\ncode; vgpipe resume run; code",
        (3, 0),
        "SIGHUP received",
        compares=False,
    ),
    Case("locale", "LC_ALL=C", _run("LC_ALL=C")),
    Case(
        "locale", "ASCII alone, a prompt in German and Chinese", _run(f"env {ASCII}", arguments=GERMAN), compares=False
    ),
    Case("locale", "no LANG at all", _run("env -u LANG -u LC_ALL -u PYTHONUTF8", arguments=GERMAN), compares=False),
    Case("locale", "a locale that is not installed", _run("LC_ALL=xx_XX.UTF-8")),
    Case("locale", "TZ that does not exist", _run("TZ=Nowhere/City")),
    Case("user", "no HOME", _run("env -u HOME -u VGPIPE_CACHE")),
    Case("user", "HOME does not exist", _run("env -u VGPIPE_CACHE HOME=/proc/nonexistent")),
    Case("user", "HOME is read-only", f"mkdir -m 555 home; {_run(f'env -u VGPIPE_CACHE HOME=$PWD/home {NO_ROOT}')}"),
    Case("user", "a number without a user", f"chmod 777 .; {_run(f'env -u HOME -u USER {NOBODY}')}"),
    Case("user", "VGPIPE_CACHE is a file", f"touch cache; {_run('VGPIPE_CACHE=$PWD/cache')}"),
    Case("user", "umask 077", f"umask 077; {_run()}"),
    Case(
        "user",
        "umask 777",
        f"(umask 777; exec {NO_ROOT} python -m vgpipe {RUN}); code",
        (2,),
        "cannot be written|denied",
        False,
    ),
    Case("limits", "20 open files", f"(ulimit -n 20; exec {PYTHON}); code; keep"),
    Case(
        "limits",
        "files of 16 KiB",
        f"(ulimit -f 16; exec {PYTHON}); code; vgpipe resume run; code; keep",
        (3, 0),
        "ulimit -f",
    ),
    Case(
        "limits",
        "3 GB of addresses",
        f"(ulimit -v 3000000; exec {PYTHON}); code",
        (0, 1, 2, 3),
        compares=False,
    ),
    Case("limits", "no core, small stack", f"(ulimit -c 0 -s 1024; exec {PYTHON}); code; keep"),
    *(
        Case(
            "disks",
            f"store on a disk of {size} KiB",
            _mounted(
                f"mkdir store; mount -t tmpfs -o size={size}k tmpfs store",
                f"vgpipe {UNPLANNED} store.dir=store; code; mount -o remount,size=64m store\n"
                f"vgpipe resume run || vgpipe {UNPLANNED} store.dir=store; code; keep",
            ),
            (3, 0),
            FULL,
        )
        for size in (48, 100, 160)
    ),
    Case(
        "disks",
        "run directory on a full disk",
        _mounted(
            "mkdir run; mount -t tmpfs -o size=40k tmpfs run",
            f"vgpipe {UNPLANNED} store.dir=store; code; mount -o remount,size=64m run\n"
            f"vgpipe {UNPLANNED} store.dir=store; code; keep",
        ),
        (3, 0),
        FULL,
    ),
    Case(
        "disks",
        "TMPDIR on a full disk",
        _mounted(
            "mkdir tmp; mount -t tmpfs -o size=64k tmpfs tmp; head -c 65536 /dev/zero >tmp/taken",
            f"TMPDIR=$PWD/tmp vgpipe {RUN}; code; vgpipe resume run; code; keep",
        ),
        (0, 0),
    ),
    Case(
        "disks",
        "store without free inodes",
        _mounted(
            "mkdir store; mount -t tmpfs -o nr_inodes=14 tmpfs store",
            f"vgpipe {UNPLANNED} store.dir=store; code; mount -o remount,nr_inodes=10000 store\n"
            "vgpipe resume run; code; keep",
        ),
        (3, 0),
        "no room for another file",
    ),
    Case(
        "disks",
        "store read-only from the start",
        _mounted("mkdir store; mount -t tmpfs -o ro tmpfs store", f"vgpipe {UNPLANNED} store.dir=store; code"),
        (2,),
        "Read-only",
        compares=False,
    ),
    Case("disks", "the store is deleted", f"vgpipe {RUN}; rm -r outputs/.store; {_run()}"),
    Case(
        "folders",
        "working directory read-only",
        f"chmod 555 .; {NO_ROOT} python -m vgpipe {RUN}; code; chmod 755 .",
        (2,),
        "denied",
        False,
    ),
    Case("folders", "TMPDIR does not exist", _run("TMPDIR=/nonexistent/tmp")),
    Case(
        "folders", "names with spaces, quotes and line ends", f"mkdir $'a \\'b\"\\n红'; cd $'a \\'b\"\\n红'; {_run()}"
    ),
    Case("system", "no /dev/shm, no /sys", _mounted("umount /dev/shm; umount -l /sys", _run())),
    Case("system", "no network", f"unshare -n {PYTHON}; code; keep"),
    Case("system", "TERM odd, COLUMNS=0", _run("TERM=nonsense COLUMNS=0 LINES=-1")),
    Case("system", "PATH empty", f"env PATH= {sys.executable} -m vgpipe {RUN}; code; keep"),
)

PRELUDE = """
vgpipe() { python -m vgpipe "$@"; }
code() { echo "${1:-$?}" >>"$RESULT"; }
keep() { cp -r run "$KEEP"; }
"""


def run_case(case: Case, folder: Path) -> tuple[list[int], str]:
    """Runs one case; returns the exit codes that it noted, and what it said, run.log last."""
    work, home = folder / "work", folder / "home"
    for made in (work, home):
        made.mkdir(parents=True)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "VGPIPE_CACHE": os.environ.get("VGPIPE_CACHE", str(folder.parent / "cache")),
        "RESULT": str(folder / "codes"),
        "KEEP": str(folder / "kept"),
    }
    script = re.sub(
        r"(?m)(?<![\w./-])(env|nohup|setpriv)([^;\n]*?) (?<!-m )vgpipe ", r"\1\2 python -m vgpipe ", case.script
    )
    line = ["unshare", "-m", "bash", "-c", PRELUDE + script]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(line, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
    told = [folder / "out", folder / "err", *folder.rglob("run.log")]
    texts = [
        path.read_text("utf-8", errors="replace") if path.is_file() and not path.is_symlink() else "" for path in told
    ]
    text = LOG.join(["".join(texts[:2]), *texts[2:]])
    codes = (folder / "codes").read_text().split() if (folder / "codes").exists() else []
    return [int(code) for code in codes], text


def frames_digest(run: Path) -> str:
    """Returns a digest of the pixels of a run's images; empty without any."""
    images = sorted((run / "frames").glob("*/*.png"))
    if not images:
        return ""
    digest = hashlib.sha256()
    for path in images:
        digest.update(np.asarray(Image.open(path)).tobytes())
    return digest.hexdigest()


def fault_of(case: Case, codes: list[int], text: str, digest: str, expected: str) -> str:
    """Returns what is not as expected; empty where all is."""
    is_one_of = len(case.codes) > 1 and len(codes) == 1
    if (codes[0] not in case.codes) if is_one_of else (codes != list(case.codes)):
        return f"exit codes {codes}, not {list(case.codes)}"
    if "Traceback" in text.partition(LOG)[0]:
        return "a traceback"
    if case.says and not re.search(case.says, text, re.IGNORECASE):
        return f"does not say {case.says!r}"
    return "other frames" if case.compares and digest != expected else ""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose group or name holds this")
    parser.add_argument("--keep", type=Path, help="where the folders of the cases stay")
    options = parser.parse_args()
    top = options.keep or Path(tempfile.mkdtemp(prefix="environments-"))
    ordinary = Case("", "ordinary", _run())
    _, text = run_case(ordinary, top / "ordinary")
    expected = frames_digest(top / "ordinary" / "kept")
    if not expected:
        sys.exit(f"the ordinary run made no frames:\n{text}")
    chosen = [case for case in CASES if options.only in f"{case.group} {case.name}"]
    failed, started = 0, time.monotonic()
    for number, case in enumerate(chosen):
        folder = top / f"{number:02d}"
        codes, text = run_case(case, folder)
        fault = fault_of(case, codes, text, frames_digest(folder / "kept"), expected)
        failed += bool(fault)
        print(f"| {case.group} | {case.name} | {', '.join(map(str, codes))} | {fault or 'as expected'} |", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} as expected, in {time.monotonic() - started:.0f} s")
    if not options.keep:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
