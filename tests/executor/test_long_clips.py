"""Clips of several segments, on the embedded model: exact lengths, nothing made twice, nothing lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from imageio_ffmpeg import count_frames_and_secs
from PIL import Image
from torch.utils._python_dispatch import _get_current_dispatch_mode

from vgpipe.errors import OutOfMemory
from vgpipe.job.segments import segment_seed
from vgpipe.models.families.wan import WanFamily

RED, BLUE, GREEN = (f"a small {colour} circle moving left on a white background" for colour in ("red", "blue", "green"))
QUICK = (
    "clip.width=32", "clip.height=32", "quality.num_inference_steps=3", "executor.canary=false", "exporter=frames",
    "memory=resident",  # nothing is freed and loaded again between segments
)  # fmt: skip
WEIGHTS = Path(__file__).parents[2] / "vgpipe" / "weights" / "shapes"


@pytest.fixture
def run(vgpipe):
    def given(*arguments):
        command = ("plan",) if "plan" in arguments else ("run.plan=off",)
        return vgpipe(*command, *QUICK, *[one for one in arguments if one != "plan"])

    return given


@pytest.fixture
def one(run):
    """Renders a clip of one prompt."""
    return lambda *arguments: run(f"clip.prompt='{RED}'", *arguments)


@pytest.fixture
def told(run, workdir):
    """Renders a job, given as what stands under `prompts`."""

    def render(prompts, *arguments):
        (workdir / "job.yaml").write_text(json.dumps({"prompts": prompts}))
        return run("job=job.yaml", *arguments)

    return render


@pytest.fixture
def denoised(monkeypatch):
    """(frames, seed, given frames) of every denoising pass."""
    original, seen = WanFamily.denoise, []

    def counted(self, parts, scheduler, request):
        given = 0 if request.frames_NHWC is None else len(request.frames_NHWC)
        if _get_current_dispatch_mode() is None:  # else it is a plan's run without values
            seen.append((request.num_frames, request.generator.initial_seed(), given))
        return original(self, parts, scheduler, request)

    monkeypatch.setattr(WanFamily, "denoise", counted)
    return seen


def frames_of(ran, record=None):
    record = record or ran.records()[0]
    folder = ran.root / record["files"]["frames"]
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def shots(*prompts, seconds=3, **more):
    return [{"prompt": prompt, "seconds": seconds, **more} for prompt in prompts]


def test_ten_seconds_are_eighty_frames_in_a_file_that_plays(one):
    ran = one("clip.seconds=10", "exporter=mp4")
    record = ran.records()[0]
    assert (ran.code, record["num_frames"], record["state"]) == (0, 80, "done")
    assert count_frames_and_secs(str(ran.root / record["files"]["mp4"]))[0] == 80
    spans = [part["delivered"] for part in record["segments"]]
    assert sum(stop - start for start, stop in spans) == 80 and len(spans) == 7
    assert [part["num_inference_steps"] for part in record["segments"]] == [3] * 7


def test_a_sound_frame_stands_at_every_place(one):
    frames = frames_of(one("clip.seconds=5", "clip.width=64", "clip.height=64"))
    assert frames.shape == (40, 64, 64, 3)
    change = np.abs(np.diff(frames.astype(int), axis=0)).mean((1, 2, 3))
    assert (change > 0).all()  # no frame twice: the circle moves in every one


def test_later_segments_have_fewer_steps_and_seeds_of_their_own(one, denoised):
    ran = one("clip.seconds=5", "clip.seed=4", "quality.num_inference_steps=6", "clip.segment_num_inference_steps=2")
    parts = ran.records()[0]["segments"]
    assert [part["num_inference_steps"] for part in parts] == [6, 2, 2]
    assert denoised == [(17, 4, 0), (17, segment_seed(4, 0, 1), 1), (17, segment_seed(4, 0, 2), 1)]
    assert [part["seed"] for part in parts] == [4, segment_seed(4, 0, 1), segment_seed(4, 0, 2)]


def test_the_first_segment_is_what_a_short_clip_would_be(one, denoised):
    short = one("clip.seconds=2").records()[0]
    long = one("clip.seconds=3").records()[0]
    assert long["segments"][0]["latents"] == short["artifacts"]["latents"] and len(denoised) == 2
    longer = one("clip.seconds=5").records()[0]
    assert len(denoised) == 3
    assert [part["latents"] for part in longer["segments"][:2]] == [part["latents"] for part in long["segments"][:2]]


def test_a_segment_has_the_bits_of_the_stock_pipeline_given_the_last_frames(one, workdir):
    from diffusers import WanImageToVideoPipeline
    from safetensors.torch import load_file

    part = one("clip.seconds=3").records()[0]["segments"][1]
    tail = np.load(next((workdir / "outputs/.store/tail").rglob("tail.npy")))
    pipeline = WanImageToVideoPipeline.from_pretrained(WEIGHTS, torch_dtype=torch.float32, expand_timesteps=True)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        image=Image.fromarray(tail[0]), prompt=RED, width=32, height=32, num_frames=17, num_inference_steps=3,
        guidance_scale=3.0, max_sequence_length=64, generator=torch.Generator().manual_seed(part["seed"]),
        output_type="latent",
    ).frames  # fmt: skip
    digest = part["latents"]
    made = load_file(workdir / f"outputs/.store/denoise/{digest[:2]}/{digest}/latents.safetensors")["latents"]
    assert torch.equal(made, expected)


def test_the_same_command_again_does_nothing(one, denoised):
    first = one("clip.seconds=3")
    count = len(denoised)
    again = one("clip.seconds=3")
    assert again.records()[0]["reused"] and len(denoised) == count
    assert np.array_equal(frames_of(first), frames_of(again))


def test_editing_the_third_shot_denoises_that_and_what_follows(told, denoised):
    before = told([{"id": "film", "shots": shots(RED, RED, GREEN, RED, seconds=2)}]).records()[0]
    assert len(denoised) == len(before["segments"]) == 4
    denoised.clear()
    after = told([{"id": "film", "shots": shots(RED, RED, BLUE, RED, seconds=2)}]).records()[0]
    kept = [part["shot"] for part in before["segments"]].index(2)
    assert len(denoised) == len(after["segments"]) - kept
    digests = [[part["latents"] for part in record["segments"]] for record in (before, after)]
    assert digests[0][:kept] == digests[1][:kept] and not set(digests[0][kept:]) & set(digests[1][kept:])


def test_shots_have_their_lengths_and_a_cut_begins_anew(told, denoised):
    ran = told([{"shots": [*shots(RED, seconds=2.5), *shots(BLUE, seconds=3, cut=True)]}])
    record = ran.records()[0]
    assert record["num_frames"] == 44 and len(frames_of(ran)) == 44
    assert [part["shot"] for part in record["segments"]] == [0, 0, 1, 1]
    assert [given for *_, given in denoised] == [0, 1, 0, 1]
    assert [shot["cut"] for shot in record["shots"]] == [False, True]


def test_shots_of_other_prompts_are_not_blended(told):
    parts = told([{"shots": shots(RED, BLUE, seconds=3)}]).records()[0]["segments"]
    assert [(part["shot"], part["given_num_frames"]) for part in parts] == [(0, 0), (0, 5), (1, 1), (1, 5)]


def test_editing_a_shot_leaves_what_follows_a_cut(told, denoised):
    def film(first, seconds):
        cut = shots(GREEN, seconds=3, cut=True)
        return told([{"id": "film", "shots": [*shots(first, seconds=seconds), *cut]}]).records()[0]["segments"]

    before = film(RED, 2)
    denoised.clear()
    after = film(BLUE, 4)
    assert [part["latents"] for part in before if part["shot"]] == [part["latents"] for part in after if part["shot"]]
    assert len(denoised) == sum(part["shot"] == 0 for part in after)


def test_a_row_of_segments_goes_through_before_the_next_row(told, denoised):
    prompts = [{"prompt": RED, "seconds": 3, "seed": 1}, {"prompt": BLUE, "seconds": 3, "seed": 2}]
    ran = told(prompts, "memory=staged", "executor.wave_size=2")
    order = [[1, 2], [segment_seed(seed, 0, 1) for seed in (1, 2)]]
    assert [seed for _, seed, _ in denoised] == [seed for row in order for seed in row]
    assert (ran.root / "run.log").read_text().count("loaded transformer") == 2


def test_wave_and_strategy_change_no_bits(told):
    prompts = [{"prompt": RED, "seconds": 4, "seed": 1}, {"prompt": BLUE, "seconds": 3, "seed": 2}]
    one = told(prompts, "memory=staged", "executor.wave_size=2", "store.dir=a")
    two = told(prompts, "memory=resident", "executor.wave_size=1", "store.dir=b")
    for first, second in zip(one.records(), two.records(), strict=True):
        assert np.array_equal(frames_of(one, first), frames_of(two, second))


def test_a_segment_that_fails_takes_its_clip_along_and_no_other(told, monkeypatch):
    original = WanFamily.decode

    def decode(self, parts, request):
        if request.generator.initial_seed() == segment_seed(1, 0, 1):
            raise RuntimeError("boom")
        return original(self, parts, request)

    monkeypatch.setattr(WanFamily, "decode", decode)
    ran = told([{"prompt": RED, "seconds": 5, "seed": 1}, {"prompt": RED, "seconds": 3, "seed": 2}])
    failed, done = ran.records()
    assert ran.code == 1 and (failed["state"], done["state"]) == ("failed", "done")
    assert failed["error"].startswith("segment 2 of 3: decode") and "boom" in failed["error"]


def test_a_tail_that_is_damaged_is_made_again(one, workdir, denoised):
    whole = frames_of(one("clip.seconds=3"))
    store = workdir / "outputs/.store"
    for path in (store / "tail").rglob("tail.npy"):
        path.write_bytes(path.read_bytes()[:-9])
    shutil.rmtree(store / "export")
    denoised.clear()
    assert np.array_equal(frames_of(one("clip.seconds=3")), whole) and denoised == []


def test_colours_are_matched_unless_switched_off(one, workdir):
    one("clip.seconds=3")
    records = [json.loads(path.read_text()) for path in (workdir / "outputs/.store/export").rglob("artifact.json")]
    assert records
    plain = one("clip.seconds=3", "quality.match_color=false").records()[0]
    assert plain["continuation"]["match_color"] is False


def test_one_pass_denoises_all_windows_and_is_decoded_piece_by_piece(one, denoised, monkeypatch):
    pieces, original = [], WanFamily.decode

    def decode(self, parts, request):
        pieces.append((request.num_frames, request.latents.shape[2]))
        return original(self, parts, request)

    monkeypatch.setattr(WanFamily, "decode", decode)
    ran = one("clip.seconds=5", "clip.continuation=window")
    record = ran.records()[0]
    assert len(denoised) == 1 and denoised[0][0] == 41
    assert set(pieces) == {(17, 5)} and len(pieces) == len(record["segments"])
    assert len({part["latents"] for part in record["segments"]}) == 1
    assert frames_of(ran).shape[0] == 40


def test_windows_of_later_shots_have_their_prompts(told):
    def film(*prompts):
        return frames_of(told([{"shots": shots(*prompts, seconds=2)}], "clip.continuation=window"))

    same, other = film(RED, RED), film(RED, BLUE)
    assert same.shape == other.shape == (32, 32, 32, 3) and not np.array_equal(same[-8:], other[-8:])


def test_what_memory_had_made_otherwise_is_found_again(told, monkeypatch, denoised):
    original, refused = WanFamily.decode, []

    def decode(self, parts, request):
        if not self.settings.vae_tiling and request.generator.initial_seed() != 1:
            refused.append(request)
            raise OutOfMemory("no room", "vae")
        return original(self, parts, request)

    monkeypatch.setattr(WanFamily, "decode", decode)
    prompts = [{"prompt": RED, "seconds": 3, "seed": 1}]
    ran = told(prompts, "clip.width=128", "clip.height=64", "run.plan=off", "memory=auto")
    record = ran.records()[0]
    assert record["state"] == "done" and refused, record["error"]
    assert [one["kind"] for one in record["degradations"]] == ["vae_tiling"]
    refused.clear(), denoised.clear()
    again = told(prompts, "clip.width=128", "clip.height=64", "run.plan=off", "memory=auto").records()[0]
    assert again["reused"] and not refused and not denoised
    assert again["degradations"] == record["degradations"]


@pytest.mark.parametrize("method", ["image", "window"])
def test_where_a_segment_does_not_fit_the_clip_is_cut_into_shorter_ones(told, monkeypatch, denoised, method):
    original = WanFamily.denoise

    def denoise(self, parts, scheduler, request):
        window = request.windows.num_frames if request.windows else request.num_frames
        if window > 9:
            raise OutOfMemory("no room", "transformer")
        return original(self, parts, scheduler, request)

    monkeypatch.setattr(WanFamily, "denoise", denoise)
    shorter = ("model.rules.min_segment_num_frames=5", "hardware.floor.num_frames=5", "run.plan=off", "memory=auto")
    prompts = [{"prompt": colour, "seconds": 4} for colour in (RED, BLUE)]
    options = ("run.degrade=any", f"clip.continuation={method}", *shorter)
    ran = told(prompts, *options)
    assert ran.code == 0, ran.err
    for record in ran.records():
        assert record["state"] == "done" and len(frames_of(ran, record)) == record["num_frames"] == 32
        (size,) = [one for one in record["degradations"] if one["kind"] == "size"]
        assert (
            size["asked"] == "32x32, 32 frames in segments of 17" and size["got"] == "32x32, 32 frames in segments of 9"
        )
        assert "no room" in size["reason"] and record["continuation"]["segment_num_frames"] == 17
        assert {part["num_frames"] for part in record["segments"]} <= {5, 9}
    denoised.clear()
    again = told(prompts, *options)
    assert all(one["reused"] for one in again.records()) and not denoised
    assert [one["degradations"] for one in again.records()] == [one["degradations"] for one in ran.records()]
    refused = told(prompts, *options[1:])  # what was not allowed is not taken from the store either
    assert refused.code == 1 and "no room" in refused.records()[0]["error"]


def test_a_decoder_that_cannot_take_a_segment_has_it_made_again_shorter(told, monkeypatch):
    original, made = WanFamily.decode, []

    def decode(self, parts, request):
        if request.num_frames > 9:
            raise OutOfMemory("no room", "vae")
        made.append(request.num_frames)
        return original(self, parts, request)

    monkeypatch.setattr(WanFamily, "decode", decode)
    shorter = ("model.rules.min_segment_num_frames=5", "hardware.floor.num_frames=5", "run.plan=off", "memory=auto")
    ran = told([{"prompt": RED, "seconds": 3}], "run.degrade=any", *shorter)
    assert ran.code == 0 and len(frames_of(ran)) == 24 and made
    assert "in segments of 9" in ran.records()[0]["degradations"][-1]["got"]


def test_the_plan_counts_segments(run):
    ran = run("plan", f"clip.prompt='{RED}'", "clip.seconds=10")
    assert "1 clip in 7 segments" in ran.out and "from an image x 6 segments" in ran.out
    told = json.loads(run("plan", "--json", f"clip.prompt='{RED}'", "clip.seconds=10").out)["plans"][0]
    assert (told["clips"], told["segments"]) == (1, 7)


def test_a_placeholder_is_as_long_as_what_it_stands_for(one, tmp_path):
    ran = one("clip.seconds=3", f"model.id={tmp_path}/nowhere", "model.name=mine", "run.degrade=any")
    record = ran.records()[0]
    assert record["state"] == "done" and [one["kind"] for one in record["degradations"]] == ["model"]
    assert len(frames_of(ran)) == record["num_frames"] == 24
