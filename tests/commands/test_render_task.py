"""What Hydra runs: checked before anything starts, picklable, and one result for each combination."""

from __future__ import annotations

import pickle
import signal
from pathlib import Path

import pytest
from hydra.types import RunMode
from omegaconf import open_dict

from vgpipe.clips.clip_record import PastRecord
from vgpipe.commands.render_task import RenderTask
from vgpipe.commands.search import Search
from vgpipe.commands.sweep_result import SweepResult
from vgpipe.config.checked_launcher import Composed, Place
from vgpipe.config.composer import composer
from vgpipe.config.sources import BUILTIN
from vgpipe.errors import UsageError, VgpipeError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import KeptModels
from vgpipe.executor.moment import Moment
from vgpipe.runs.objective import WORST
from vgpipe.store.rundir import RunDir

TWO_DIRECTIONS = ("hydra/sweeper=optuna", "hydra.sweeper.direction=[minimize,maximize]")
SIZE = ("clip.width=32", "clip.height=32", "clip.num_frames=5")


@pytest.fixture(scope="module")
def compose():
    composing = composer(BUILTIN)

    def composed(*overrides: str) -> Composed:
        return Composed(composing.load_configuration("config", list(overrides), RunMode.RUN))

    return composed


def test_a_copy_for_a_worker_holds_nothing_of_this_process():
    started = Moment.now()
    task = RenderTask(CancelToken(), KeptModels(), started, drawn_from=7)
    copy = pickle.loads(pickle.dumps(task))
    assert isinstance(copy, RenderTask) and vars(copy) == vars(RenderTask(started=started, drawn_from=7))


def test_ctrl_c_while_a_run_is_planned_starts_nothing(vgpipe, workdir, monkeypatch):
    monkeypatch.setattr("vgpipe.runs.run.ready", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a new process; notebooks leave their own
    try:
        ran = vgpipe("clip.prompt=a", *SIZE)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ran.code == 3 and "interrupted; nothing was started" in ran.err and not (workdir / "outputs").exists()


def test_a_result_is_what_a_sweeper_minimises_and_travels():
    search = Search(("seconds_per_clip", "peak_gb"), ())
    clip = PastRecord(is_done=True, seconds={"denoise": 2.0}, peak_ram_gb=3.0)
    result = pickle.loads(pickle.dumps(SweepResult.of(Path("a=1"), search, 1, [clip, PastRecord()])))
    assert float(result) == 2.0 and [*result] == [2.0, 3.0]
    assert (result.name, result.exit_code, result.root, result.state) == ("a=1", 1, Path("a=1"), "1 of 2 done")


@pytest.mark.parametrize("place", Place)
def test_faults_of_all_combinations_come_at_once_and_name_them(compose, place):
    batch = [
        compose("clip.prompt=a", f"clip.seed={seed}", f"clip.width={width}")
        for seed, width in ((1, 32), (-1, 32), (2, 33), (3, 33))
    ]
    with pytest.raises(UsageError) as caught:
        RenderTask().check(batch, place)
    told = str(caught.value)
    assert told.startswith("3 of 4 combinations are invalid; nothing was started")
    assert "clip.seed: -1" in told and "(with clip.seed=-1 clip.width=32)" in told
    assert "width is 33" in told and "(with clip.seed=2 clip.width=33 and 1 more)" in told


def test_a_fault_that_all_share_is_told_once(compose):
    with pytest.raises(UsageError) as caught:
        RenderTask().check([compose("job=nowhere.yaml", f"clip.seed={seed}") for seed in (1, 2)], Place.HERE)
    assert str(caught.value).count("no job file") == 1 and "with" not in str(caught.value)


def test_in_a_later_batch_a_bad_combination_fails_alone(compose, workdir):
    task = RenderTask()
    task.check([compose("clip.prompt=a", *SIZE)], Place.ELSEWHERE)
    task.check([compose("clip.prompt=a", "clip.seed=-1")], Place.ELSEWHERE)


def test_nothing_starts_where_no_model_can_be_opened(compose, workdir):
    batch = [compose("clip.prompt=a", f"model.id={workdir}/{name}", *SIZE) for name in ("a", "b")]
    with pytest.raises(VgpipeError, match="is not a checkpoint folder"):
        RenderTask().check(batch, Place.HERE)
    RenderTask().check(batch, Place.ELSEWHERE)  # a worker may have it
    search = compose("clip.prompt=a", f"model.id={workdir}/a", "hydra/sweeper=optuna", *SIZE)
    RenderTask().check([search], Place.HERE)  # the next trial may be of another model


def test_a_lost_combination_counts_as_its_run_directory_tells(compose, workdir, capsys):
    one = compose("clip.prompt=a", "run.objective=[seconds_per_clip,peak_gb]", *TWO_DIRECTIONS, *SIZE)
    with open_dict(one.config.hydra):
        one.config.hydra.runtime.output_dir = str(workdir / "steps=4")
    task = RenderTask()
    lost = task.lost(one, OSError("gone"))
    assert (lost.exit_code, lost.root, [*lost], lost.state) == (
        1,
        None,
        [WORST, -WORST],
        "not started: no result (OSError)",
    )
    with RunDir(workdir / "steps=4") as run_dir:
        run_dir.write_config("")
        run_dir.write_clips([{"clip": "a", "state": "done", "seconds": {"denoise": 2.0}, "peak_ram_gb": 3.0}])
        found = task.lost(one, OSError("gone"))
        assert (found.exit_code, found.root, [*found], found.state) == (0, run_dir.root, [2.0, 3.0], "1 of 1 done")
        run_dir.write_clips([{"clip": "a", "state": "pending"}])
        lost = task.lost(one, OSError("gone"))
        assert (lost.exit_code, lost.root, [*lost], lost.state) == (
            1,
            run_dir.root,
            [WORST, -WORST],
            "0 of 1 done: no result (OSError)",
        )
    told = capsys.readouterr().err.splitlines()
    said = "vgpipe: steps=4: no result (OSError): gone"
    assert told == [said, f"{said} -> python -m vgpipe resume steps=4"]


def test_an_objective_too_few_for_the_sweepers_directions_is_refused(compose):
    one = compose("clip.prompt=a", "run.objective=sharpness", *TWO_DIRECTIONS, *SIZE)
    with pytest.raises(UsageError, match=r"hydra.sweeper.direction: number of directions: 2; number of objectives: 1"):
        RenderTask().check([one], Place.HERE)
