import pytest

from vgpipe.bench.ordinary import ordinary
from vgpipe.clips.requested import exporters_of
from vgpipe.config.load import load
from vgpipe.errors import ConfigError


def test_a_run_of_a_bench_makes_clips_and_nothing_else(tmp_path):
    made = ordinary(load(["run.budget=1h", "run.on_end=echo", "run.follow=true", "executor.workers=3"]), tmp_path, 7)
    assert (made.run.budget, made.run.on_end, made.run.follow, made.notify.on) == (None, None, False, ())
    assert (made.executor.workers, made.executor.canary, made.drawn_from) == (1, False, 7)
    assert made.store.dir == str(tmp_path / ".store")
    assert {limit.action for limit in made.checks.limits.values()} == {"warn"}


@pytest.mark.parametrize("exporter, kinds", [("mp4", ["mp4", "frames"]), ("frames", ["frames"])])
def test_frames_are_kept_without_loss(tmp_path, exporter, kinds):
    typed = [f"exporter={exporter}", *(["exporter.image_format=jpg"] if exporter == "frames" else [])]
    found = exporters_of(ordinary(load(typed), tmp_path, 0))
    assert [one["name"] for one in found] == kinds
    assert found[-1]["image_format"] == "png"


def test_a_cluster_is_not_this_machine(tmp_path):
    with pytest.raises(ConfigError, match="executor=local"):
        ordinary(load(["executor=ray"]), tmp_path, 0)
