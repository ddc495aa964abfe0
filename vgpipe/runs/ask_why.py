"""Which clips `why` and `plan --why` ask about, and which earlier runs they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.clips.requested import request
from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.runs.past_runs import PastRun, absolute_jobs, newest_first
from vgpipe.runs.saved import saved_clips, saved_config
from vgpipe.runs.why import Answer, answers
from vgpipe.store.run_folders import run_folders
from vgpipe.store.rundir import RunDir

STORE_NAME = ".store"
OUTPUTS = Path("outputs")


def of_run(root: Path) -> list[Answer]:
    """Returns what the command that started a run would do about its clips now.

    Args:
        root: its directory.

    Raises:
        UsageError: where it holds no run, or its job is invalid by now.
        ModelError: where its model cannot be opened.
    """
    run_dir = RunDir(root)
    run_dir.read_lines()  # says so where the directory holds no run
    config = saved_config(run_dir)
    clips = _clips_now(config, run_dir)
    past = PastRun(root, Path(config.store.dir))
    return answers(config, clips, {clip: past.clip(name) for clip, name in past.like(clips).items()})


def of_config(config: Config) -> list[Answer]:
    """Returns what a run with a config would do about its clips, compared with the newest runs that have them.

    Args:
        config: the whole config, whose store lies in the folder of the runs.

    Raises:
        UsageError: where the job is invalid.
        ModelError: where the model cannot be opened.
    """
    clips, store = request(config).clips, Path(config.store.dir)
    runs = (PastRun(root, store) for root in run_folders(store.parent if store.name == STORE_NAME else OUTPUTS))
    return answers(config, clips, newest_first(clips, runs, absolute_jobs(config.jobs)))


def _clips_now(config: Config, run_dir: RunDir) -> Sequence[Clip]:
    """Returns the clips of a run's job as the job is now; those of the run where its file is no longer there."""
    if config.jobs and not all(Path(job).is_file() for job in config.jobs):
        return saved_clips(run_dir)
    return request(config).clips
