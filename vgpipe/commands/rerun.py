"""`rerun`: renders the clip of a file replay, and says whether its latents came out the same."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vgpipe.clips.from_config import Request
from vgpipe.errors import UsageError
from vgpipe.executor.stop_signal import StopSignal
from vgpipe.provenance.diff import latents_checksums, recipe_diff
from vgpipe.provenance.replay import Replay, first_files, read, read_replay, replay_overrides
from vgpipe.runs.run import EXIT_DONE, ready, start
from vgpipe.runs.summary import shown_path
from vgpipe.store.rundir import RunDir, unused_directory

log = logging.getLogger(__name__)

HELP = """\
usage: python -m vgpipe rerun FILE [key=value ...]

Renders again what a finished file says it is. Its recipe holds the clip, the model and all else that decides its bits.
FILE is a video, a GIF, WebP or PNG, or a folder of frames that vgpipe wrote (not with run.metadata=false).

  rerun outputs/film/2026-11-28_09-00-00/videos/x.mp4                  into outputs/rerun/<date_time>
  rerun x.mp4 exporter=ffv1                                            as a lossless master
  rerun x.mp4 model.id=/models/wan clip.image=dog.png                  where the model or the image has moved
  rerun x.mp4 store.dir=fresh hydra.run.dir=again                      into a store that knows nothing of it

also: hardware, memory.strategy, memory.stream, executor, also.*, run.*; what would change the clip is refused

At the end it says whether the latents are those of the file, bit for bit, and if not, what is different here.

exit codes: as a run's
"""
RUN_DIR = "hydra.run.dir="


def rerun(arguments: Sequence[str]) -> int:
    """Renders a file's clip again into a run directory of its own.

    Args:
        arguments: what was typed after `rerun`.

    Returns:
        The exit code of the run.

    Raises:
        UsageError: for bad usage, and where there is no recipe that can be followed.
        ModelError: where its model cannot be opened.
        ConfigError: where it cannot fit.
    """
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(HELP)
        return EXIT_DONE
    if not arguments or arguments[0].startswith("-"):
        raise UsageError("rerun takes a finished file -> python -m vgpipe rerun FILE [key=value ...]")
    typed = replay_overrides(arguments[1:])
    replay = read_replay(Path(arguments[0]), typed)
    run = ready(replay.config, Request((replay.clip,), (_told(replay),)))
    root = unused_directory(_root(typed.overrides))
    with StopSignal() as stop:
        code = start(run, root, stop)
    if code == EXIT_DONE:
        sys.stdout.write(f"{_compared(replay, RunDir(root))}\n")
    return code


def _told(replay: Replay) -> str:
    model, clip = replay.config.model, replay.clip
    size = f"{clip.width}x{clip.height}, {clip.num_frames} frames, seed {clip.seed}"
    return f"rendering again what {shown_path(replay.path)} says it is: {model.name} ({model.id}), {size}"


def _root(overrides: Sequence[str]) -> Path:
    typed = [text.removeprefix(RUN_DIR) for text in overrides if text.startswith(RUN_DIR)]
    if typed and (not typed[-1] or "${" in typed[-1]):
        raise UsageError(f"hydra.run.dir: {typed[-1]!r} is no plain path -> hydra.run.dir=DIR")
    return Path(typed[-1]) if typed else Path("outputs", "rerun", datetime.now().strftime("%Y-%m-%d_%H-%M-%S"))


def _compared(replay: Replay, run_dir: RunDir) -> str:
    """Says whether the latents are the same; the new file's own recipe knows."""
    try:
        made = read(first_files(run_dir)[0])
    except UsageError:
        return "without metadata in the new file its latents cannot be compared"
    if latents_checksums(made) == latents_checksums(replay.recipe):
        return f"same: its latents are those of {shown_path(replay.path)}, bit for bit"
    told = "; ".join(recipe_diff(replay.recipe, made)) or "nothing that is recorded has changed"
    return f"drifted: its latents are not those of {shown_path(replay.path)}: {told}"
