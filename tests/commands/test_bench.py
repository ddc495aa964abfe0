"""A whole bench in this process: measured, stopped, continued, and gone by."""

from __future__ import annotations

import json

import pytest

from vgpipe.bench import measuring
from vgpipe.bench.measuring import Pass
from vgpipe.bench.rows import Row
from vgpipe.commands import bench
from vgpipe.config.load import load
from vgpipe.errors import StoreError, UsageError

TYPED = [
    "hardware=cpu",
    "checks=off",
    "run.plan=off",
    "clip.width=32",
    "clip.height=32",
    "clip.num_frames=5",
    "clip.num_inference_steps=4",
    "steps=[4]",
    "clips=2",
]


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(bench, "_device", lambda config: "a CPU")  # a new cache folder knows none
    return tmp_path


def measured(folder):
    lines = (folder / "measured.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line]


def test_a_bench_is_measured_stopped_continued_and_gone_by(workdir, monkeypatch, capsys):
    start, made = measuring.start, []

    def stopping(run, root, stop, **more):
        made.append((root.name, [clip.prompt for clip in run.request.clips]))
        if len(made) == 3:
            stop.cancel("tried")
        return start(run, root, stop, **more)

    monkeypatch.setattr(measuring, "start", stopping)
    assert bench.main(TYPED) == 3
    (folder,) = (workdir / "outputs/bench").iterdir()
    assert [(row["setting"], row["clip"]) for row in measured(folder)] == [("steps=4", 0)]
    assert "type the same again" in capsys.readouterr().err

    monkeypatch.setattr(
        measuring, "start", lambda run, root, stop, **more: made.append(root.name) or start(run, root, stop, **more)
    )
    made.clear()
    assert bench.main(TYPED) == 0
    # steps=4 of the first clip comes from the store, to be compared; then the second clip, in the other order
    assert made == ["warm-up", "steps=4", "steps=2", "steps=2", "steps=4"]
    told = capsys.readouterr()
    assert "bench.html" in told.out and "quality=85%" in told.out
    found = json.loads((folder / "bench.json").read_text())
    shares = {one["setting"]["name"]: one["kept"]["ssim"] for one in found["settings"]}
    assert shares["steps=4"] == {"mean": 1.0, "low": 1.0, "high": 1.0} and shares["steps=2"]["mean"] == 0
    assert all(one["clips"] == 2 and one["seconds"] > 0 for one in found["settings"])
    assert "<svg" in (folder / "bench.html").read_text()
    assert (folder / "steps=2" / "clips.jsonl").read_text().count('"state": "done"') >= 2
    assert (folder / "conf/quality/bench_steps4.yaml").is_file()

    made.clear()
    assert bench.main(TYPED) == 0
    assert made == []
    chosen = load(["hardware=cpu", "quality=100%"]).quality
    assert chosen.num_inference_steps == 4 and "bench of this machine" in chosen.chosen
    option = load(["quality=bench_steps4"], bench.split(["--config-dir", str(folder / "conf")]).sources)
    assert option.quality.num_inference_steps == 4


def test_a_full_disk_in_the_middle_loses_nothing_that_was_measured(workdir, monkeypatch, capsys):
    def measure(_bench, rows, *_more):
        row = Row(setting="steps=4", clip=0, seconds={"denoise": 1.0})
        rows.add(row)
        yield Pass(1, row)
        raise StoreError("no space left on device")

    monkeypatch.setattr(measuring, "measure", measure)
    assert bench.main(TYPED) == 3
    (folder,) = (workdir / "outputs/bench").iterdir()
    assert len(measured(folder)) == 1
    assert "no space left on device; what was measured is kept: type the same again" in capsys.readouterr().err


def test_a_dry_run_says_what_it_takes_and_makes_nothing(workdir, capsys):
    assert bench.main([*TYPED, "--dry-run"]) == 0
    assert "2 settings, 2 clips each" in capsys.readouterr().err
    assert not (workdir / "outputs").exists()


@pytest.mark.parametrize(
    "typed, says",
    [
        (["-m"], "-m has no use here"),
        (["shapes"], "not 'shapes'"),
        (["clip.prompt=a red circle"], "one clip has no interval"),
        (["clip.num_inference_steps=2"], "nothing to compare"),
        (["prompts=missing.yaml"], "missing.yaml"),
        (["executor=ray"], "bench measures this machine"),
    ],
)
def test_bad_usage_starts_nothing(workdir, typed, says):
    with pytest.raises(UsageError) as caught:
        bench.main(["hardware=cpu", *typed])
    assert says in str(caught.value)
    assert not (workdir / "outputs").exists()
