"""What the user and other programs read of a plan, and what a run keeps of it."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.clips.clip_state import ClipState
from vgpipe.commands import plan as plan_command
from vgpipe.config.load import load
from vgpipe.memory.tracker import PeakMemory
from vgpipe.planner.estimate.calibration import NAME, own_ratio
from vgpipe.plans import figures
from vgpipe.plans import profiles as plan_profiles
from vgpipe.plans.as_json import as_json
from vgpipe.plans.as_text import as_text
from vgpipe.plans.inputs import clips_to_plan
from vgpipe.plans.plan_file import write_measured, write_plan
from vgpipe.plans.planning import plan_of
from vgpipe.store.rundir import RunDir
from vgpipe.units import GIB, MIB
from vgpipe.user_cache import user_cache_folder

NOW = datetime(2026, 1, 31, 23, 5)
PROMISED = {
    *("model", "width", "height", "num_frames", "strategy", "vae_tiling", "weights", "stages"),
    *("peak_allocated_gib", "weights_gib", "fits", "chosen"),
}
OF_STAGE = {"allocated_gib", "reserved_gib", "ram_gib", "tflop", "seconds"}


@pytest.fixture(autouse=True)
def profiles(monkeypatch, tmp_path):
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    made = MadeUpProfiles()
    monkeypatch.setattr(plan_profiles, "cached_profile", made)
    return made


def plan(*overrides):
    return plan_of(load(["model=cogvideox_5b", *overrides]))


def test_drafts_are_planned_as_such_and_what_continuing_them_takes_is_told(workdir):
    found = plan("hardware=a100_80gb", "draft=10")
    told = json.loads(as_json([found]))
    (drafts,) = [one["drafts"] for one in told["plans"]]
    assert " per draft on A100 80GB; needs " in told["plans"][0]["verdict"] and told["plans"][0]["nearest"] == []
    assert drafts["clips"] == 1 and drafts["continue_fits"] and drafts["continue_seconds"][0] > 0
    row = told["rows"][0]
    assert (row["num_inference_steps"], row["steps_made"], row["draft"]) == (50, 10, True)
    text = as_text(found, NOW)
    assert "draft of 10 of 50 steps x 1 clip" in text and " more for the draft, to the end" in text


def test_json_keeps_its_promise():
    told = json.loads(as_json([plan("hardware=rtx3060_12gb", "memory.vae_tiling=true")]))
    assert told["schema"] == 1 and sum(row["chosen"] for row in told["rows"]) == 1
    for row in told["rows"]:
        assert set(row) >= PROMISED
        assert set(row["stages"]) == {"encode", "denoise", "decode"}
        assert set(row["weights"]) == {"text_encoder", "transformer", "vae"}
        for stage in row["stages"].values():
            assert set(stage) >= OF_STAGE and stage["seconds"][0] <= stage["seconds"][1]
        assert row["peak_allocated_gib"] == max(stage["allocated_gib"] for stage in row["stages"].values())
        assert row["fits"] is not bool(row["refusals"])
    resident = next(row for row in told["rows"] if row["strategy"] == "resident")
    assert resident["weights_gib"] == pytest.approx(14.5, abs=0.01)


def test_unknown_times_are_null():
    told = json.loads(as_json([plan("hardware=a100_80gb", *(f"hardware.peak_tflops.{one}=null" for one in DTYPES))]))
    assert all(stage["seconds"] is None for row in told["rows"] for stage in row["stages"].values())
    assert told["plans"][0]["seconds"] is None


DTYPES = ("fp32", "fp16", "fp16_fp16_accumulate", "bf16", "int8")


def test_flops_are_those_of_the_whole_stage():
    row = json.loads(as_json([plan("hardware=a100_80gb", "clip.num_inference_steps=30")]))["rows"][0]
    assert row["stages"]["denoise"]["tflop"] == pytest.approx(30 * 11)


def test_the_table_says_what_a_person_asks(workdir):
    text = as_text(plan("hardware=rtx3080_10gb"), NOW)
    for word in (
        "cogvideox_5b, bfloat16: 1 clip", "RTX 3080 10GB (hardware=rtx3080_10gb): 10 GB usable",
        "720x480, 49 frames, 50 steps x 1 clip", "per clip", "GPU GB", "RAM GB",
        "encode", "denoise", "decode", "changed so that it fits: the VAE in tiles", "none was measured on this GPU",
        "more: --verbose",
    ):  # fmt: skip
        assert word in text, word
    for technical in ("TFLOP", "reserved  ", "moved", "considered  ", "why:", "GiB"):
        assert technical not in text, technical
    assert text.splitlines()[0].startswith("Fits, with the VAE in tiles. ")


def test_all_that_was_considered_is_told_on_request():
    text = as_text(plan("hardware=rtx3080_10gb"), NOW, is_verbose=True)
    for word in (
        "TFLOP", "reserved", "moved GiB", "activations", "why:", "VAE tiling", "chosen", "no: decode needs",
        "to download", "whole job", "none was measured on this GPU",
    ):  # fmt: skip
        assert word in text, word
    assert text.startswith("Fits, ") and "more: --verbose" not in text
    lines = [line for line in text.splitlines()[1:] if not line.startswith(("note:", "  why:"))]
    assert all(len(line) < 200 for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_is_no_wider_than_the_terminal(width, workdir):
    (workdir / "job.yaml").write_text("prompts: [a, {prompt: b, num_frames: 25}, {prompt: c, width: 512}, "
                                      "{prompt: d, width: 640}, {prompt: e, num_frames: 33}]\n")  # fmt: skip
    for found in (plan("hardware=rtx3080_10gb", "job=job.yaml"), plan("hardware=gtx1660ti_6gb")):
        assert max(map(len, as_text(found, NOW, width).splitlines())) <= width


def test_a_job_of_many_shapes_stays_readable(workdir):
    frames = ", ".join(f"{{prompt: a, num_frames: {1 + 8 * number}, width: {256 + 16 * wide}}}"
                       for number in range(7) for wide in range(6))  # fmt: skip
    (workdir / "job.yaml").write_text(f"prompts: [{frames}]\n")
    text = as_text(plan("hardware=a100_80gb", "job=job.yaml"), NOW)
    assert "42 clips of 42 kinds" in text and "and 17 more kinds" in text and len(text.splitlines()) < 100
    assert text.index("336x480, 49 frames") < text.index("336x480, 41 frames")  # the heaviest first


def test_what_does_not_fit_has_no_time():
    text = as_text(plan("hardware=gtx1660ti_6gb", "run.degrade=strict"), NOW)
    assert text.startswith("Does not fit: decode needs 21.1 GB of GPU memory, GTX 1660 Ti 6GB has 6 GB usable. ")
    assert "finished" not in text and "RAM GB" not in text


def test_the_largest_clip_says_where_it_is_tight(capsys):
    assert plan_command.main(["model=cogvideox_5b", "hardware=rtx3060_12gb,rtx3090_24gb"]) == 0
    first, _, head, _, *rows, _, note = capsys.readouterr().out.splitlines()
    assert first == "cogvideox_5b fits 2 of 2 cards at its reference size (720x480, 49 frames)."
    names = [cell.strip() for cell in head.split("|")]
    cells = [dict(zip(names, [cell.strip() for cell in row.split("|")], strict=True)) for row in rows]
    told = {row["card"]: (row["GPU GB"], row["changed"]) for row in cells}
    assert told == {"RTX 3060 12GB": ("10.1", "the VAE in tiles"), "RTX 3090 24GB": ("21.0", "tight")}
    assert note.startswith("note: figures are forecasts")


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (None, "?"),
        ((0.001, 0.002), "under 0.01 s"),
        ((0.5, 3), "0.5-3 s"),
        ((40, 65), "40-65 s"),
        ((200, 360), "3.3-6 min"),
        ((7200, 11000), "2-3.1 h"),
        ((47, 160), "47 s to 2.7 min"),
        ((115, 20000), "115 s to 5.6 h"),
        ((40000, 400000), "11 h to 4.6 days"),
        ((400000, 900000), "4.6-10 days"),
        ((60, 60.2), "60 s"),
    ],
)
def test_times_in_words(span, told):
    assert figures.seconds(span) == told


@pytest.mark.parametrize(
    ("size_bytes", "told"),
    [
        (0, "0 MB"),
        (300_000, "0.3 MB"),
        (12 * MIB, "12 MB"),
        (GIB // 4, "0.2 GB"),
        (2.79 * GIB, "2.8 GB"),
        (8 * GIB, "8 GB"),
        (9.97 * GIB, "10 GB"),
        (26.92 * GIB, "27 GB"),
    ],
)
def test_sizes_as_people_say_them(size_bytes, told):
    assert figures.size(size_bytes) == told


def test_what_is_lacking_never_reads_as_what_there_is():
    assert figures.size_up(8.01 * GIB) == "8.1 GB" and figures.size_up(21 * GIB) == "21 GB"


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (None, "unknown"),
        ((10, 20), "about 23:05"),
        ((29100, 37500), "about 08:15 (07:10-09:30)"),
        ((86400, 200000), "about Mon 11:35 (Sun 23:05 to Tue 06:38)"),
    ],
)
def test_about_when_it_is_done(span, told):
    assert figures.about(span, NOW) == told


def test_a_hull_is_unknown_where_a_part_is():
    assert figures.hull([(1.0, 2.0), (0.5, 4.0)]) == (0.5, 4.0)
    assert figures.hull([(1.0, 2.0), None]) is None and figures.hull([]) is None


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (None, "unknown"),
        ((10, 20), "23:05"),
        ((29100, 37500), "07:10-09:30"),
        ((86400, 200000), "Sun 01 Feb 23:05 to Tue 03 Feb 06:38"),
    ],
)
def test_the_end_in_words(span, told):
    assert figures.finishing(span, NOW) == told


def test_sums_of_times_are_unknown_where_a_part_is():
    assert figures.added([(1.0, 2.0), (3.0, 4.0)]) == (4.0, 6.0)
    assert figures.added([(1.0, 2.0), None]) is None and figures.times(None, 3) is None


def done(clip, seconds, device_gb=None):
    state = ClipState(clip, [None])
    (segment,) = state.segments
    segment.seconds.update(seconds)
    for stage in seconds:
        segment.note_peak(stage, PeakMemory(ram_gb=2.0, vram_gb=device_gb, device_gb=device_gb))
    return state


def test_a_run_keeps_what_was_foreseen_and_what_came(tmp_path):
    config = load(["model=cogvideox_5b", "hardware=a100_80gb"])
    found = plan_of(config)
    clips, _ = clips_to_plan(config)
    with RunDir(tmp_path / "run") as run_dir:
        write_plan(run_dir, found)
        kept = json.loads(run_dir.plan.read_text())
        assert kept["schema"] == 1 and kept["tier"]["name"] == "a100_80gb" and kept["measured"] == []
        assert kept["shapes"][0]["chosen"]["stages"]["denoise"]["strategy"] == "resident"
        assert len(kept["shapes"][0]["considered"]) == 6 and kept["shapes"][0]["why"]
        works = [done(clips[0], {"encode": 1.0, "denoise": seconds}, 17.5) for seconds in (3.0, 4.0, 9.0)]
        write_measured(run_dir, found, works)
        told = {one["stage"]: one for one in json.loads(run_dir.plan.read_text())["measured"]}
    assert set(told) == {"encode", "denoise"}
    assert told["denoise"]["measured"] == {"seconds": 4.0, "allocated_gib": 17.5, "ram_gib": 2.0}
    assert told["denoise"]["clips"] == 3
    stage = found.shapes[0].chosen.stages[1]
    assert told["denoise"]["predicted"]["allocated_gib"] == pytest.approx(stage.allocated_bytes / GIB)
    line = json.loads((user_cache_folder() / NAME).read_text().splitlines()[-1])
    assert line["stage"] == "denoise" and line["flops"] == stage.flops and line["measured_bytes"] == 17.5 * GIB


def test_what_was_measured_feeds_the_next_plan(tmp_path):
    config = load(["model=cogvideox_5b", "hardware=a100_80gb"])
    found = plan_of(config)
    clips, _ = clips_to_plan(config)
    seconds = found.shapes[0].chosen.stages[1].expected_s * 2
    with RunDir(tmp_path / "run") as run_dir:
        write_plan(run_dir, found)
        for _ in range(3):
            write_measured(run_dir, found, [done(clips[0], {"denoise": seconds})])
    known = own_ratio(user_cache_folder(), device="a100_80gb", stage="denoise", attention="sdpa", model="cogvideox_5b")
    assert known == pytest.approx((2 / 1.12, 2 * 1.12))
    low, high = plan_of(config).shapes[0].chosen.stages[1].seconds
    assert low < seconds < high < 1.3 * low


def test_offloaded_stages_teach_no_rate_and_others_made_otherwise_nothing(tmp_path):
    config = load(["model=cogvideox_5b", "hardware=a100_80gb", "memory=leaf_offload"])
    found = plan_of(config)
    clips, _ = clips_to_plan(config)
    otherwise = done(clips[0], {"decode": 1.0})
    otherwise.segments[0].use_family("decode", object(), [])
    reused = done(clips[0], {"encode": 1.0})
    reused.is_reused = True
    with RunDir(tmp_path / "run") as run_dir:
        write_plan(run_dir, found)
        write_measured(run_dir, found, [done(clips[0], {"denoise": 5.0}), otherwise, reused])
        told = json.loads(run_dir.plan.read_text())["measured"]
    assert [one["stage"] for one in told] == ["denoise"]
    assert json.loads((user_cache_folder() / NAME).read_text())["ratio"] is None
