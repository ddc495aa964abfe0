"""The command `rerun`: re-renders the clip of a file, and compares the latents."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vgpipe.clips.requested import Request
from vgpipe.commands.closing import show
from vgpipe.config.schema import Config
from vgpipe.errors import UsageError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.provenance.changed import Changed, changed
from vgpipe.provenance.diff import latents_checksums, recipe_diff
from vgpipe.provenance.downloads import downloads
from vgpipe.provenance.replay import Changes, Replay, first_files, given_problem, read, read_replay, replay_overrides
from vgpipe.runs.bars import TerminalBars
from vgpipe.runs.exit_codes import EXIT_DONE
from vgpipe.runs.run import ready, start
from vgpipe.runs.signals import cancelled_by_signals
from vgpipe.store.rundir import RunDir
from vgpipe.store.unused_directory import unused_directory
from vgpipe.terminal import can_ask, is_confirmed, on_one_line, write_line, write_note
from vgpipe.typed import shown_path
from vgpipe.units import format_size

HELP = """\
usage: python -m vgpipe rerun FILE [--yes] [key=value ...]

Re-renders a finished file from the metadata embedded in it: the clip, the model and everything else
that decides its bits. FILE is a video, a GIF, WebP or PNG, or a folder of frames written by vgpipe
(not with run.metadata=false).

  rerun outputs/film/2026-11-28_09-00-00/videos/x.mp4                  into outputs/rerun/<date>
  rerun x.mp4 exporter=ffv1                                            as a lossless master
  rerun x.mp4 model.id=/models/wan clip.image=dog.png                  model or image have moved
  rerun x.mp4 store.dir=fresh hydra.run.dir=again                      reuse nothing: an empty store
  rerun x.mp4 clip.seed=9                                              with another seed
  rerun x.mp4 clip.seed=random clip.takes=4 quality=high               four more, in more steps
  rerun x.mp4 model=ltx_video_2b                                       by another model
  rerun previews/x.mp4 draft=null                                      the clip, not its preview

Whatever is typed is changed, and said; all else stays as in the file. Another model takes its own
size, length and steps.

Before a model of the hub that the file names is downloaded, its size and source are shown, and you
are asked; --yes downloads without asking.

Ends by comparing the latents with those of the file, bit for bit; where they differ and nothing was
to be changed, it lists what is different here.

exit codes: as for a run
"""
YES = "--yes"
RUN_DIR = "hydra.run.dir="


def main(arguments: Sequence[str]) -> int:
    """Re-renders a file's clip into a run directory of its own.

    Args:
        arguments: the file, and overrides.

    Returns:
        The exit code of the run.

    Raises:
        UsageError: for bad usage, where the file has no recipe or one that cannot be followed, and where nobody
            agrees to a download.
        ModelError: where its model cannot be opened.
        ConfigError: where it cannot fit.
        JobError: where a changed setting is invalid, or the model cannot make it.
    """
    words = [word for word in arguments if word != YES]
    if not words or words[0].startswith("-"):
        raise UsageError("rerun takes a finished file -> python -m vgpipe rerun FILE [key=value ...]")
    typed = replay_overrides(words[1:], Changes.ALLOWED)
    replay = read_replay(Path(words[0]), typed)
    changes = changed(replay, typed) if typed.changes else None
    problem = given_problem(replay.clip) if changes is None else None
    if problem:
        raise UsageError(f"{shown_path(replay.path)}: {problem}")
    if YES not in arguments and "model" not in typed.keys:  # one that was typed is the user's choice
        _confirm_downloads(replay, shlex.join(["python", "-m", "vgpipe", "rerun", *words, YES]))
    run = ready(*_wanted(replay, changes))
    root = unused_directory(_root(typed.overrides))
    with cancelled_by_signals(CancelToken()) as stop:
        with TerminalBars() as bars:
            result = start(run, root, stop, on_progress=bars)
        code = show(result)
    if code == EXIT_DONE:
        write_line(_comparison(replay, RunDir(root), changes))
    return code


def _wanted(replay: Replay, changes: Changed | None) -> tuple[Config, Request]:
    """Returns what is rendered: what the file holds, or what it holds with the changes that were typed."""
    if changes is None:
        return replay.config, Request((replay.clip,), (_announcement(replay),))
    different = "; ".join(changes.differences) or "nothing"
    said = f"re-rendering {shown_path(replay.path)} from its metadata, changed: {different}"
    return changes.config, Request(changes.clips, (said, *changes.notes), drawn_from=changes.drawn_from)


def _confirm_downloads(replay: Replay, command: str) -> None:
    """Asks before a model that the recipe names is downloaded: its maker chose it, not the user.

    Raises:
        UsageError: where the answer is no, or nobody is there to ask.
        ModelError: where the hub does not answer.
    """
    found = downloads(replay.config.model)
    if not found:
        return
    sizes = [f"{one.repo_id} at commit {one.commit[:12]}, at most {format_size(one.size_bytes)}" for one in found]
    what = f"the recipe in {shown_path(replay.path)} names a model of the hub that is not here: {'; '.join(sizes)}"
    if not can_ask():
        raise UsageError(f"{what}; nothing was downloaded -> {command}")
    write_note(on_one_line(what))
    if not is_confirmed("Download it?"):
        raise UsageError(f"nothing was downloaded -> {command}")


def _announcement(replay: Replay) -> str:
    model, clip = replay.config.model, replay.clip
    size = f"{clip.width}x{clip.height}, {clip.num_frames} frames, seed {clip.seed}"
    preview = f", {replay.preview}: the whole clip with draft=null" if replay.preview else ""
    return f"re-rendering {shown_path(replay.path)} from its metadata: {model.name} ({model.id}), {size}{preview}"


def _root(overrides: Sequence[str]) -> Path:
    typed = [text.removeprefix(RUN_DIR) for text in overrides if text.startswith(RUN_DIR)]
    if typed and (not typed[-1] or "${" in typed[-1]):
        raise UsageError(f"hydra.run.dir: {typed[-1]!r} must be a plain path -> hydra.run.dir=DIR")
    return Path(typed[-1]) if typed else Path("outputs", "rerun", datetime.now().strftime("%Y-%m-%d_%H-%M-%S"))


def _comparison(replay: Replay, run_dir: RunDir, changes: Changed | None) -> str:
    """Says whether the latents are the same, by the recipe of the new file."""
    try:
        recipe = read(first_files(run_dir)[0])
    except UsageError:
        return "the latents cannot be compared: the new file has no metadata"
    if latents_checksums(recipe) == latents_checksums(replay.recipe):
        kind = f" ({replay.preview})" if replay.preview else ""
        return on_one_line(f"same: the latents are bit-identical to those of {shown_path(replay.path)}{kind}")
    if changes is not None:
        different = "; ".join(changes.differences) or "no setting"
        return on_one_line(f"changed: the latents differ from those of {shown_path(replay.path)}: {different}")
    found = "; ".join(recipe_diff(replay.recipe, recipe)) or "no recorded input has changed"
    return on_one_line(f"drifted: the latents differ from those of {shown_path(replay.path)}: {found}")
