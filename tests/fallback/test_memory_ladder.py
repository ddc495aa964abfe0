"""Real models that run out of an enforced budget on the CPU: they step down, go on, and say what it cost."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.clips.test_clip_record import PLAIN
from vgpipe.cli import main
from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.from_config import key_maker
from vgpipe.config.load import load
from vgpipe.fallback.context import LadderContext
from vgpipe.fallback.history import StageSettings
from vgpipe.fallback.memory_ladder import ROLES, MemoryLadder
from vgpipe.job.clip import Continuation
from vgpipe.memory.strategies import Strategy
from vgpipe.store.notes import Notes

JOB = "prompts:\n  - {prompt: a red circle, seed: 1}\n  - {prompt: a blue square, seed: 2}\n"
SIZE = ("clip.width=96", "clip.height=96", "clip.num_frames=9", "clip.num_inference_steps=2", "hardware=cpu")
OFF = ("memory=resident", "run.plan=off", "executor.canary=false")


@pytest.fixture
def run(vgpipe, workdir):
    (workdir / "job.yaml").write_text(JOB)
    return lambda *more: vgpipe("job=job.yaml", *SIZE, *more)


def events(root: Path, kind: str) -> list[dict]:
    found = [json.loads(line) for line in (root / "events.jsonl").read_text().splitlines()]
    return [event for event in found if event["event"] == kind]


def peak_gb(root: Path) -> float:
    return max(event["device_gb"] for event in events(root, "stage_peak"))


def latents(store: Path, record: dict) -> np.ndarray:
    digest = record["artifacts"]["latents"]
    return load_file(store / "denoise" / digest[:2] / digest / "latents.safetensors")["latents"]


def limited(limit_gb: float) -> str:
    return f"++hardware.memory_limit_gb={limit_gb:.6f}"


@dataclass(frozen=True)
class Resident:
    """A finished run, and the store that it made its clips in."""

    root: Path
    store: Path

    def records(self) -> list[dict]:
        return [json.loads(line) for line in (self.root / "clips.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def resident(tmp_path_factory):
    """The same job with room for everything."""
    folder = tmp_path_factory.mktemp("resident")
    (folder / "job.yaml").write_text(JOB)
    with contextlib.chdir(folder):
        assert main(["job=job.yaml", *SIZE, *OFF, limited(32), "store.dir=store", "hydra.run.dir=run"]) == 0
    made = Resident(folder / "run", folder / "store")
    assert events(made.root, "memory_rung") == []
    return made


def test_exact_rungs_are_taken_where_memory_runs_out_and_keep_every_bit(run, resident):
    limit_gb = peak_gb(resident.root) * 0.8
    fitting = run(*OFF, limited(limit_gb), "store.dir=fitting", "run.degrade=strict", "memory=auto")
    assert events(fitting.root, "memory_rung") == [], "it begins with a strategy that fits"
    stepped = run(*OFF, limited(limit_gb), "store.dir=stepped")
    assert {one["stage"] for one in events(stepped.root, "memory_rung")} == {"decode"}
    for ran in (fitting, stepped):
        assert ran.code == 0, ran.err
        assert peak_gb(ran.root) <= limit_gb + 1e-6
        store = Path("fitting" if ran is fitting else "stepped")
        for before, after in zip(resident.records(), ran.records(), strict=True):
            assert after["degradations"] == [] and after["artifacts"] == before["artifacts"]
            assert np.array_equal(latents(resident.store, before), latents(store, after))


def test_tiles_are_said_remembered_and_found_again(run, resident):
    limit = limited(peak_gb(resident.root) * 0.4)
    ran = run(*OFF, limit, "store.dir=tiled")
    assert ran.code == 0, ran.err
    first, second = ran.records()
    kinds = {(one["kind"], one["stage"]) for one in first["degradations"]}
    assert ("vae_tiling", "decode") in kinds and first["degradations"] == second["degradations"]
    assert first["artifacts"]["latents"] == resident.records()[0]["artifacts"]["latents"]
    assert first["artifacts"]["export"] != resident.records()[0]["artifacts"]["export"]
    assert "degraded: vae_tiling" in ran.err and "out of memory in decode" in ran.err
    again = run(*OFF, limit, "store.dir=tiled")
    assert again.code == 0 and all(one["reused"] for one in again.records()), again.err
    assert again.records()[0]["degradations"] == first["degradations"]
    anew = run(*OFF, limit, "store.dir=tiled", "clip.seed=7")
    assert anew.code == 0 and "out of memory" not in anew.err  # begins on the rung that the first ended on
    assert "in an earlier run" in anew.records()[0]["degradations"][0]["reason"]
    roomier = run(*OFF, limited(32), "store.dir=tiled")
    assert roomier.code == 0 and [one["degradations"] for one in roomier.records()] == [[], []]
    assert roomier.records()[0]["artifacts"]["export"] == resident.records()[0]["artifacts"]["export"]


def ladder(folder: Path, *typed: str) -> tuple[MemoryLadder, SegmentState]:
    """Returns the ladder of a run of the embedded model, and a clip of a size that has tiles of several sizes."""
    config = load(["clip.prompt=a", "hardware=cpu", "memory=staged", *typed])
    model = key_maker(replace(config.model, dtype="float32"), config.memory, str(folder), quality=config.quality)
    context = LadderContext(
        config=config,
        keys=ArtifactKeys(model, ()),
        strategies=dict.fromkeys(ROLES, Strategy.STAGED),
        notes=Notes(folder / "notes.jsonl"),
        device={"device": "made up", "kind": "cpu"},
    )
    return MemoryLadder(context), another(context.keys)


def another(keys: ArtifactKeys, **size: int) -> SegmentState:
    """Returns the only segment of a clip that nothing is known of."""
    return keys.new_state(replace(PLAIN, **{"width": 832, "height": 480, **size})).segments[0]


def kinds(segment: SegmentState) -> list[str]:
    return [one.kind for one in segment.parent.all_degradations]


def test_what_was_learnt_is_for_what_was_typed_then(tmp_path):
    first, segment = ladder(tmp_path)
    first.prepare(segment.parent)
    first.step_down(segment, "decode", MemoryError())
    unproved, other = ladder(tmp_path)
    unproved.prepare(other.parent)
    assert not kinds(other)  # the next rung may have failed for another reason
    first.remember(segment, "decode")
    again, segment = ladder(tmp_path)
    again.prepare(segment.parent)
    assert [one.got for one in segment.parent.all_degradations] == ["tiles of the VAE's own size"]
    for typed in (("memory.vae_tiling=true", "memory.vae_tile_size=64"), ("memory=leaf_offload",)):
        other, segment = ladder(tmp_path, *typed)
        other.prepare(segment.parent)
        assert not segment.families and not kinds(segment), typed


def test_a_text_that_does_not_fit_makes_no_clip_smaller(tmp_path):
    memory, segment = ladder(tmp_path, "run.degrade=any")
    asked = segment.clip
    rungs = 0
    while memory.step_down(segment, "encode", MemoryError()) is not None:
        rungs += 1
    assert 0 < rungs < 8 and segment.clip == segment.parent.clip == segment.parent.requested == asked


def test_a_size_that_was_too_large_is_not_tried_with_the_next_clip(tmp_path):
    memory, segment = ladder(tmp_path, "run.degrade=any", "memory.vae_tiling=false")
    asked = segment.clip
    while segment.clip == asked:
        assert memory.step_down(segment, "decode", MemoryError()) is not None
    other = ClipState(asked, [segment.keys])
    memory.apply(other.segments[0], "denoise")
    assert other.clip == segment.parent.clip and other.requested == asked
    assert [one.kind for one in other.all_degradations] == ["size"]


def test_what_thousands_of_clips_share_is_said_once(tmp_path, caplog):
    first, segment = ladder(tmp_path)
    first.prepare(segment.parent)
    with caplog.at_level("WARNING"):
        first.step_down(segment, "decode", MemoryError())
        for _ in range(3):
            first.prepare(ClipState(segment.clip, [segment.keys]))
    warned = [one.message for one in caplog.records if "degraded" in one.message]
    assert warned == [f"degraded: {segment.degradations[0]}"]


def test_a_long_clip_that_does_not_fit_is_split_into_shorter_segments(tmp_path):
    how = Continuation(
        method="image", segment_num_frames=33, min_segment_num_frames=5, overlap_num_frames=1, frames_step=4,
        frames_offset=1, num_inference_steps=2, match_color=False,
    )  # fmt: skip
    memory, short = ladder(tmp_path, "run.degrade=any", "memory.vae_tiling=false")
    clip = replace(short.clip, num_frames=65, continuation=how)
    keys = memory._context.keys
    state = keys.new_state(clip)
    memory._context.frame_users.count([state])
    (first, *_), count = state.segments, len(state.segments)
    while not first.is_orphan:
        assert memory.step_down(first, "denoise", MemoryError()) is not None
    assert len(state.segments) > count and state.clip.num_frames == 65 and state.requested == clip
    assert {one.parent for one in state.segments} == {state} and first.next is None
    digests = [one.keys.frames.digest for one in state.segments]
    assert [memory._context.frame_users.release(digest) for digest in digests] == [True] * len(digests)
    assert [one.kind for one in state.all_degradations][:1] == ["size"]


def test_strict_changes_no_bit_and_fails_the_clip_instead(run, resident):
    ran = run(*OFF, limited(peak_gb(resident.root) * 0.3), "run.degrade=strict", "memory=auto")
    assert ran.code == 1
    assert all(one["state"] == "failed" and not one["degradations"] for one in ran.records())
    assert all("limit" in one["error"] and one["error"].startswith("decode") for one in ran.records())


def test_with_any_the_clip_gets_smaller_but_never_below_the_floor(run, resident):
    few = ("run.degrade=any", "memory.vae_tiling=false", "hardware.floor.side=64", "hardware.floor.num_frames=5")
    ran = run(*OFF, limited(peak_gb(resident.root) * 0.4), *few)
    assert ran.code == 0, ran.err
    record = ran.records()[0]
    size = next(one for one in record["degradations"] if one["kind"] == "size")
    assert size["asked"] == "96x96, 9 frames" and (record["width"], record["num_frames"]) == (96, 9)
    assert record["made"]["num_frames"] >= 5 and record["made"]["width"] >= 64
    assert record["made"]["width"] * record["made"]["num_frames"] < 96 * 9


def test_a_size_that_is_too_large_is_found_out_once_and_by_the_canary_too(run, resident):
    few = ("run.degrade=any", "memory.vae_tiling=false", "hardware.floor.side=64", "hardware.floor.num_frames=5")
    ran = run(*OFF[:2], limited(peak_gb(resident.root) * 0.4), *few)
    assert ran.code == 0, ran.err
    made = [(one["made"]["width"], one["made"]["num_frames"]) for one in ran.records()]
    assert made[0] == made[1] and made[0] != (96, 9)
    told = [line for line in ran.err.splitlines() if "out of memory" in line]
    assert told and all("canary" in line for line in told), told
    pieces = [(one["stage"], one["clip"]) for one in events(ran.root, "stage_done")]
    assert all(pieces.count(("denoise", one["clip"])) <= 1 for one in ran.records())


def test_a_plan_begins_on_a_rung_that_fits(run, resident):
    limit_gb = peak_gb(resident.root) * 0.5
    ran = run(limited(limit_gb), "executor.canary=false")
    assert ran.code == 0, ran.err
    assert events(ran.root, "memory_rung") == [] and peak_gb(ran.root) <= limit_gb + 1e-6
    assert ran.records()[0]["predicted_peak_gb"] <= limit_gb


def test_what_cannot_fit_is_refused_before_anything_starts(run, workdir):
    ran = run(limited(0.001))
    assert ran.code == 2 and "does not fit" in ran.err and "->" in ran.err
    assert not (workdir / "outputs").exists()


def test_a_plan_takes_smaller_tiles_where_the_own_ones_do_not_fit(run, resident):
    ran = run(limited(peak_gb(resident.root) * 0.35), "executor.canary=false")
    assert ran.code == 0, ran.err
    assert events(ran.root, "memory_rung") == []
    tiled = next(one for one in ran.records()[0]["degradations"] if one["kind"] == "vae_tiling")
    assert tiled["got"].startswith("tiles of ") and tiled["reason"].startswith("the plan")


def test_what_another_strategy_made_of_the_same_bits_is_not_made_again(run, resident):
    limit = limited(peak_gb(resident.root) * 0.4)
    first = run(limit, "executor.canary=false", "store.dir=one")
    again = run(limit, "executor.canary=false", "store.dir=one", "memory=leaf_offload")
    assert (first.code, again.code) == (0, 0), again.err
    assert first.records()[0]["artifacts"] == again.records()[0]["artifacts"]
    assert all(one["reused"] and one["degradations"] for one in again.records()) and "loaded" not in again.err


def test_a_step_cache_is_left_out_said_and_found_again(tmp_path):
    typed = "quality.cache=firstblock", "memory=disk_offload"
    first, segment = ladder(tmp_path, *typed)
    first.strategies["denoise"] = Strategy.DISK_OFFLOAD
    first.prepare(segment.parent)
    asked, settings = segment.keys.latents, first._context.family.settings
    assert first.step_down(segment, "denoise", MemoryError()).memory.drops_cache
    (told,) = segment.parent.all_degradations
    assert (told.kind, told.asked, told.got) == ("cache", "firstblock, threshold 0.05", "none")
    assert segment.families["denoise"].settings.cache is None and segment.keys.latents != asked
    past = StageSettings.of(segment.families["denoise"].settings, settings)
    assert past.drops_cache and past.over(settings).cache is None
    first.remember(segment, "denoise")
    for overrides, kept in ((typed, ["cache"]), (("quality.cache=taylorseer", typed[1]), [])):
        again, segment = ladder(tmp_path, *overrides)
        again.prepare(segment.parent)
        assert kinds(segment) == kept
