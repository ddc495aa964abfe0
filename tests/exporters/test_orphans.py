"""ffmpeg does not outlive the process that started it, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.exporters.clips import smooth
from vgpipe.errors import EncoderError
from vgpipe.exporters.ffmpeg import pipe

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fake ffmpeg is a shell script")

# Starts what ignores the end of its input, as ffmpeg does while it is busy, says its number, and waits.
PARENT = """
import subprocess, sys, time
from vgpipe.exporters.orphans import ORPHANS
started = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2)]
for one in started:
    ORPHANS.add(one.pid)
started[1].kill()
started[1].wait()
ORPHANS.remove(started[1].pid)
print(started[0].pid, flush=True)
time.sleep(60)
"""


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
        with open(f"/proc/{process_id}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"  # killed, and not yet collected by anybody
    except FileNotFoundError:
        return True
    except OSError:
        return False


def test_what_it_started_ends_with_a_killed_process():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True) as parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        os.killpg(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="limits of another process are Linux's")
def test_ffmpeg_cannot_take_more_memory_than_it_is_given(tmp_path):
    with pytest.raises(EncoderError, match="ffmpeg failed"):
        arguments = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x48", "-r", "8", "-i", "-"]
        arguments += ["-vf", "scale=4096:4096", "-c:v", "libx264", "-y"]
        pipe(arguments, smooth(60), target=tmp_path / "a.mp4", timeout_s=60, max_memory_bytes=200 << 20)
