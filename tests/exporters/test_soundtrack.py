"""Sound in finished files: as long as the picture, begun with it, as loud as it was given."""

import re
import subprocess
from fractions import Fraction

import numpy as np
import pytest

from tests.exporters.clips import REAL_FFMPEG, ffmpeg_without, smooth
from vgpipe.exporters.base import exporter
from vgpipe.exporters.reading import read_recipe
from vgpipe.exporters.soundtrack import KINDS, sound_notes
from vgpipe.exporters.temporary import PREFIX, temporary_root

RATE = 24_000
FAST = {
    "mp4": {"preset": "ultrafast"},
    "mp4_hevc": {"preset": "ultrafast"},
    "webm": {"speed": 8},
    "av1": {"preset": 13},
}


class Waves:
    """A tone that grows, in blocks."""

    sample_rate_hz = RATE

    def __init__(self, samples, channels=2):
        self.channels = channels
        time_S = np.arange(samples) / RATE
        wave_S = 0.5 * np.sin(2 * np.pi * (200 * time_S + 300 * time_S**2))
        self.samples_SC = wave_S.astype(np.float32)[:, None].repeat(channels, 1)

    def __iter__(self):
        yield from np.array_split(self.samples_SC, 7)


def heard(path):
    """Returns the samples (S, C) of a file, and their rate."""
    told = subprocess.run([REAL_FFMPEG, "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    rate, layout = re.search(r"Audio: .*?, (\d+) Hz, (\w+)", told).groups()
    command = [REAL_FFMPEG, "-loglevel", "error", "-i", path, "-map", "0:a", "-f", "f32le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, "<f4").reshape(-1, 1 if layout == "mono" else 2), int(rate)


def made(kind, folder, sound, *, frames=33, clip_fps=24.0, recipe=None, **settings):
    folder.mkdir(exist_ok=True)
    own = {"name": kind, **FAST.get(kind, {}), **settings}
    done = exporter(own).export(smooth(frames, 32, 32), fps=clip_fps, folder=folder, recipe=recipe, sound=sound)
    return done, folder / done.files[0]


@pytest.mark.parametrize(("kind", "channels"), [("mp4", 1), ("webm", 2), ("mov_prores", 2), ("ffv1", 2)])
def test_sound_begins_and_ends_with_the_picture(kind, channels, tmp_path):
    sound = Waves(33_000, channels)
    done, path = made(kind, tmp_path / kind, sound, recipe={"vgpipe": 1})
    samples_SC, rate = heard(path)
    assert done.kind == kind and done.facts["sound"] == KINDS[kind] and read_recipe(path) == {"vgpipe": 1}
    assert samples_SC.shape == (33_000 * rate // RATE, channels)
    own_S = sound.samples_SC[:, 0]
    if rate != RATE:
        own_S = np.interp(np.arange(len(samples_SC)) * RATE / rate, np.arange(len(own_S)), own_S)
    middle = slice(rate // 10, -rate // 10)
    difference = samples_SC[middle, 0] - own_S[middle]
    assert np.sqrt((difference**2).mean()) < 0.02, "late by a sample, the difference is 0.04"
    assert abs(20 * np.log10(samples_SC[middle].std() / own_S[middle].std())) < 0.1


@pytest.mark.parametrize("samples", [20_000, 60_000], ids=["short", "long"])
def test_sound_is_padded_or_cut_to_the_frame_at_any_rate(samples, tmp_path):
    for settings in ({}, {"fps": 11.0}):
        folder = tmp_path / str(settings)
        done, path = made("mov_prores", folder, Waves(samples), frames=32, clip_fps=23.976, **settings)
        length = Fraction(done.facts["num_frames"]) / Fraction(done.facts["fps"])
        samples_SC, rate = heard(path)
        assert len(samples_SC) == round(length * rate)
        assert bool(samples_SC[-100:].any()) == (samples == 60_000)


def test_a_replacement_keeps_the_sound_and_one_without_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(tmp_path, "libvpx-vp9")))
    done, path = made("webm", tmp_path / "webm", Waves(33_000))
    assert done.degradation.got == "mp4 (libx264)" and len(heard(path)[0]) == 33_000
    monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(tmp_path, "libx264", "libopenh264", "mpeg4")))
    done, _ = made("mp4", tmp_path / "mp4", Waves(33_000))
    assert done.degradation.got == "gif, without sound" and done.facts["sound"] is None


def test_files_without_sound_keep_their_bytes_and_nothing_is_left_behind(tmp_path):
    before = {path.name for path in temporary_root().glob(f"{PREFIX}*")}
    done, path = made("mp4", tmp_path / "mute", None)
    assert "Audio" not in subprocess.run([REAL_FFMPEG, "-i", path], capture_output=True, text=True).stderr
    assert "sound" not in done.facts
    made("mp4", tmp_path / "loud", Waves(99))
    assert {path.name for path in temporary_root().glob(f"{PREFIX}*")} <= before


def test_kinds_without_sound_are_named(tmp_path):
    assert sound_notes(["mp4", "sheet", "last_frame"]) == ()
    assert sound_notes(["mp4", "gif", "gif"]) == ("gif files hold no sound: the clip's is left out there",)
    assert [note.split()[0] for note in sound_notes(["frames", "sheet"])] == ["frames", "sheet"]
    assert "sound" not in made("gif", tmp_path / "gif", None)[0].facts
