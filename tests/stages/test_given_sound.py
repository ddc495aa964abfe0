"""Sound files are read as what they are, however they are made, and nothing else is."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import wave

import numpy as np
import pytest

from tests.clips.test_given_files import clip
from tests.exporters.clips import REAL_FFMPEG
from vgpipe.errors import ModelError
from vgpipe.exporters.temporary import PREFIX, temporary_root
from vgpipe.stages.given_sound import check_sound, opened_sound

RATE = 48_000
TONE_S = np.sin(np.arange(RATE) / 15) * 9_000


def of_file(path):
    return clip(0, audio=str(path), audio_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def wav(path, channels=1, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels), file.setsampwidth(2), file.setframerate(rate)
        file.writeframes(TONE_S.astype(np.int16).repeat(channels).tobytes())
    return path


def read(path):
    with opened_sound(of_file(path)) as track:
        return np.concatenate(list(track)), track


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg", "a.m4a", "a.mkv"])
def test_a_file_of_any_format_has_its_own_level_and_place(tmp_path, name):
    source, path = wav(tmp_path / "s.wav", channels=2), tmp_path / name
    picture = ["-f", "lavfi", "-i", "color=s=16x16:d=1", "-c:v", "libx264"] if name == "a.mkv" else []
    subprocess.run([REAL_FFMPEG, "-loglevel", "error", "-i", source, *picture, path], check=True)
    samples_SC, track = read(path)
    assert (track.sample_rate_hz, track.channels) == (RATE, 2)
    middle_S, own_S = samples_SC[9_000:39_000, 0], TONE_S[9_000:39_000] / 32_768
    assert np.sqrt(((middle_S - own_S) ** 2).mean()) < 0.05 * np.abs(own_S).max(), "LAME takes 0.4 dB"


@pytest.mark.parametrize(("channels", "kept"), [(1, 1), (2, 2), (6, 2)])
def test_mono_and_stereo_stay_and_more_is_mixed(tmp_path, channels, kept):
    samples_SC, _ = read(wav(tmp_path / "a.wav", channels))
    assert samples_SC.shape == (RATE, kept)
    if channels <= 2:
        assert np.array_equal(samples_SC[:, 0], TONE_S.astype(np.int16) / np.float32(32_768))


def test_no_more_is_read_than_the_clip_lasts(tmp_path):
    samples_SC, _ = read(wav(tmp_path / "a.wav", rate=4_000))  # of 12 s
    assert RATE * 17 / 8 <= len(samples_SC) <= RATE * (17 / 8 + 1.1)


PLAYLIST = b"RIFF\x24\0\0\0WAVE#EXTM3U\nfile:///etc/passwd\n"


@pytest.mark.parametrize("data", [PLAYLIST, b"ID3\x04not music", b"OggS" + bytes(99), b"\x1aE\xdf\xa3" + bytes(99)])
def test_what_cannot_be_decoded_is_told_of_on_one_line_and_leaves_nothing(tmp_path, data):
    before = {path.name for path in temporary_root().glob(f"{PREFIX}*")}
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"cannot be read: .+ -> save it as WAV, or name another file") as raised:
        check_sound(of_file(path))
    assert "\n" not in str(raised.value)
    assert {path.name for path in temporary_root().glob(f"{PREFIX}*")} <= before


def test_a_file_that_has_changed_is_not_taken(tmp_path):
    path = wav(tmp_path / "a.wav")
    made = of_file(path)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelError, match="has changed since the job was read"):
        check_sound(made)
    path.unlink()
    with pytest.raises(ModelError, match="there is no such file"):
        check_sound(made)


def test_a_video_without_sound_has_none(tmp_path):
    path = tmp_path / "a.mp4"
    subprocess.run([REAL_FFMPEG, "-loglevel", "error", "-f", "lavfi", "-i", "color=s=16x16:d=1", path], check=True)
    with pytest.raises(ModelError, match="cannot be read"):
        check_sound(of_file(path))


def test_the_key_of_a_file_with_sound_is_computed_without_numpy():
    code = "import sys, vgpipe.stages.given_sound, vgpipe.sound.joined; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
