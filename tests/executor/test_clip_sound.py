"""Sound from the model to the finished file: of one clip, of its segments, and what becomes of it otherwise."""

from __future__ import annotations

import hashlib
import json
import wave
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.clips.test_given_files import clip
from tests.exporters.test_soundtrack import heard
from vgpipe.executor.clip_sound import spans_of
from vgpipe.job.clip import Continuation, Shot
from vgpipe.job.segments import segments_of
from vgpipe.models.base import Decoded
from vgpipe.models.families.wan import WanFamily
from vgpipe.provenance.replay import given_problem, read_replay, replay_overrides
from vgpipe.sound.record import Sound, sample_at

RATE = 24_000
QUICK = (
    "run.plan=off", "clip.prompt='a small red circle moving left on a white background'", "clip.width=32",
    "clip.height=32", "quality.num_inference_steps=2", "executor.canary=false", "memory=resident", "run.sheet=false",
    "model.rules.audio=true", "exporter=mov_prores",
)  # fmt: skip


@pytest.fixture
def decoded(monkeypatch):
    """Has the embedded model hum, 5 ms shorter than its frames, at another pitch in each segment; (frames, pitch)."""
    original, seen = WanFamily.decode, []

    def decode(self, parts, request):
        samples = sample_at(request.num_frames, 8.0, RATE) - 120
        hz = 180.0 + request.generator.initial_seed() % 7 * 40
        seen.append((request.num_frames, hz))
        hum_S = 0.4 * np.sin(2 * np.pi * hz * np.arange(samples) / RATE + len(seen))
        return Decoded(original(self, parts, request).frames_THWC, Sound(hum_S.astype(np.float32)[:, None], RATE))

    monkeypatch.setattr(WanFamily, "decode", decode)
    return seen


@pytest.mark.parametrize(("method", "overlap", "shared"), [("image", 1, 1), ("frames", 5, 5), ("window", 8, 5)])
def test_sound_of_segments_covers_the_clip_and_what_they_share(method, overlap, shared):
    how = Continuation(
        method=method, segment_num_frames=17, min_segment_num_frames=9, overlap_num_frames=overlap, frames_step=4,
        frames_offset=1, num_inference_steps=2, match_color=False,
    )  # fmt: skip
    shots = (Shot(prompt="a", num_frames=40), Shot(prompt="b", num_frames=30, cut=True))
    segments = segments_of(replace(clip(0), num_frames=70, shots=shots, continuation=how))
    spans = spans_of(segments, [lambda: None] * len(segments))
    assert spans[0].first_frame == 0 and spans[-1].first_frame + spans[-1].frames == 70
    seams = [(one.first_frame + one.frames - after.first_frame, after.shared) for one, after in pairwise(spans)]
    assert [each == 0 for each, _ in seams].count(True) == 1, "one cut"
    assert all(each == told for each, told in seams) and shared in {told for _, told in seams}


def test_a_long_clip_has_sound_of_its_own_length_without_clicks(vgpipe, decoded):
    ran = vgpipe(*QUICK, "clip.seconds=4", "clip.continuation=image")
    (record,) = ran.records()
    assert record["state"] == "done", record["error"]
    assert len(record["segments"]) == len(decoded) > 1
    samples_SC, rate = heard(ran.root / record["files"]["mov_prores"])
    assert len(samples_SC) == 4 * RATE and rate == RATE
    pitch = max(hz for _, hz in decoded)
    steepest = 0.4 * 2 * np.pi * pitch / RATE
    assert np.abs(np.diff(samples_SC[:-120, 0])).max() < 1.3 * steepest
    middle_S = samples_SC[: 3 * RATE, 0].reshape(-1, RATE // 4)
    assert np.abs(20 * np.log10(middle_S.std(axis=1) / (0.4 / 2**0.5))).max() < 3, "loudness in no part, dB"
    assert (
        record["sound"]["seconds"] == 4.0
        and record["sound"]["channels"] == 1
        and not any("sound" in note for note in record["notes"])
    )


def test_sound_is_left_out_where_asked_and_told_of_where_it_cannot_be(vgpipe, decoded):
    both = vgpipe(*QUICK[:-1], "exporter=[mp4,gif]").records()[0]
    assert both["sound"]["peak"] == pytest.approx(0.4, abs=0.01) and len(decoded) == 1
    assert both["notes"] == ["gif files hold no sound: the clip's is left out there"]
    mute = vgpipe(*QUICK[:-1], "exporter=[mp4,gif]", "clip.audio=none").records()[0]
    assert mute["sound"] is None and mute["notes"] == [] and mute["audio"] == "none"
    assert both["artifacts"]["exports"][0] != mute["artifacts"]["exports"][0]
    assert both["artifacts"]["exports"][1] == mute["artifacts"]["exports"][1]
    assert both["artifacts"]["latents"] == mute["artifacts"]["latents"]


def test_a_silent_model_is_told_of_and_strictly_rejected(vgpipe, decoded, monkeypatch):
    hums = WanFamily.decode
    monkeypatch.setattr(WanFamily, "decode", lambda *given: _silenced(hums(*given)))
    (record,) = vgpipe(*QUICK).records()
    assert record["state"] == "done" and record["notes"] == [
        "silence: the sound is silent: it reaches 0.00% of full scale"
    ]
    ran = vgpipe(*QUICK, "checks=strict", "clip.seed=3", "run.degrade=strict")
    assert ran.code == 1 and "silence" in ran.records()[0]["error"]
    assert vgpipe(*QUICK, "checks=strict", "clip.audio=none").records()[0]["state"] == "done"


def _silenced(decoded):
    return Decoded(decoded.frames_THWC, Sound(decoded.sound.samples_SC * 0, RATE))


def write_wav(path, seconds=1.0, channels=1, rate=48_000):
    """Writes 16-bit noise that ends with a burst."""
    samples_SC = np.random.default_rng(0).integers(-9_000, 9_000, (round(seconds * rate), channels), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels), file.setsampwidth(2), file.setframerate(rate)
        file.writeframes(samples_SC.tobytes())
    return samples_SC


def test_a_file_is_laid_under_a_clip_of_any_model(vgpipe, workdir):
    (workdir / "jobs").mkdir()
    samples_SC = write_wav(workdir / "jobs" / "music.wav")
    prompts = [{"prompt": "a small red circle on white", "audio": "music.wav"}]
    (workdir / "jobs" / "a.yaml").write_text(json.dumps({"prompts": prompts}))
    quick = [one for one in QUICK if not one.startswith(("model.", "clip.prompt"))]
    ran = vgpipe(*quick, "job=jobs/a.yaml", "clip.num_frames=17")
    (record,) = ran.records()
    assert ran.code == 0 and record["audio"] == str(workdir / "jobs" / "music.wav")
    assert record["audio_sha256"] == hashlib.sha256((workdir / "jobs" / "music.wav").read_bytes()).hexdigest()
    assert "the sound ends after 1.00 s of 2.12 s: silence follows" in record["notes"]
    found_SC, rate = heard(ran.root / record["files"]["mov_prores"])
    assert rate == 48_000 and found_SC.shape == (17 * 6_000, 1) and not found_SC[48_100:].any()
    assert np.array_equal(found_SC[:47_000], samples_SC[:47_000] / np.float32(32_768))
    again = vgpipe(*quick, "job=jobs/a.yaml", "clip.num_frames=17").records()[0]
    assert again["reused"] and again["sound"] == record["sound"]
    file = ran.root / record["files"]["mov_prores"]
    replay = read_replay(file, replay_overrides())
    assert (replay.clip.audio, replay.clip.audio_sha256) == (record["audio"], record["audio_sha256"])
    assert given_problem(replay.clip) is None
    (workdir / "moved.wav").write_bytes((workdir / "jobs" / "music.wav").read_bytes())
    (workdir / "jobs" / "music.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40))
    assert "audio" in str(given_problem(replay.clip)) and "clip.audio=PATH" in str(given_problem(replay.clip))
    moved = read_replay(file, replay_overrides([f"clip.audio={workdir / 'moved.wav'}"])).clip
    assert given_problem(moved) is None
    broken = vgpipe(*quick, "job=jobs/a.yaml", "clip.num_frames=17")
    assert broken.code == 2 and "a sound file cannot be read; nothing was started" in broken.err
    assert "-> save it as WAV, or name another file" in broken.err
