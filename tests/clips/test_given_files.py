"""Sound files that cannot be decoded are refused before anything starts, each once."""

from __future__ import annotations

import pytest

from vgpipe.clips.given_files import refuse_unreadable_files
from vgpipe.errors import ConfigError
from vgpipe.job.clip import Clip
from vgpipe.job.sound_file import GivenSound, load_sound

WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(40)


def clip(number, **given):
    return Clip(
        id=f"c{number}", prompt="x", negative_prompt="", seed=number, width=32, height=32, num_frames=17, fps=8.0,
        num_inference_steps=2, guidance_scale=1.0, model="shapes", **given,
    )  # fmt: skip


def test_each_faulty_file_is_named_once_at_its_first_clip(tmp_path):
    given = []
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(WAV + name.encode())
        found = load_sound(name, tmp_path, makes_sound=False)
        assert isinstance(found, GivenSound)
        given.append({"audio": found.audio, "audio_sha256": found.sha256})
    clips = [clip(0), *(clip(number, **given[number % 2]) for number in range(1, 5))]
    with pytest.raises(ConfigError, match="nothing was started") as raised:
        refuse_unreadable_files(clips)
    assert [one.where for one in raised.value.faults] == ["c1", "c2"]
    assert all("cannot be read" in one.what and one.remedy.startswith("save it") for one in raised.value.faults)
    refuse_unreadable_files([clip(0), clip(1, audio="none")])
