"""What a job may say of sound, and what is told of a file that is none."""

import hashlib

import pytest

from vgpipe.job.picture import PictureFault
from vgpipe.job.sound_file import SOUND, GivenSound, load_sound

WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(40)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (WAV, "wav"), (b"RF64" + WAV[4:], "wav"), (b"RIFF\0\0\0\0AVI ", None), (b"fLaC", "flac"), (b"OggS", "ogg"),
        (b"\0\0\0\x1cftypM4A ", "mov"), (b"\x1aE\xdf\xa3", "matroska"), (b"FORM\0\0\0\0AIFF", "aiff"),
        (b"ID3\x04", "mp3"), (b"\xff\xfb\x90", "mp3"), (b"\xff\xf1P", "aac"), (b"#EXTM3U", None),
        (b"\x89PNG\r\n", None), (b"\xff\xd8\xff\xe0", None), (b"", None), (b"\xff", None),
    ],
)  # fmt: skip
def test_the_first_bytes_say_what_it_is(head, name):
    assert SOUND.container(head[:16]) == name


def test_words_come_to_what_the_model_makes(tmp_path):
    def words(makes_sound):
        return [load_sound(word, tmp_path, makes_sound=makes_sound) for word in ("none", "model")]

    assert words(True) == [GivenSound("none"), GivenSound(None)]
    silent, fault = words(False)
    assert silent == GivenSound(None) and fault.what == "audio is model, and the model makes no sound"


def test_a_file_is_known_by_its_content(tmp_path):
    (tmp_path / "a.txt").write_bytes(WAV)
    found = load_sound("a.txt", tmp_path, makes_sound=False)
    assert found == GivenSound(str(tmp_path / "a.txt"), hashlib.sha256(WAV).hexdigest())


@pytest.mark.parametrize(
    ("given", "what", "remedy"),
    [
        ("", "audio is empty", "write the path of a sound file there"),
        ("http://x.org/a.wav", 'audio "http://x.org/a.wav" is a URL', "download it first, then name the file"),
        ("musik.wav", 'audio "musik.wav" is not there; looked for', "did you mean audio: music.wav?"),
        (".", 'audio "." is a folder', "there is audio: music.wav"),
        ("a.png", 'audio "a.png" is not a sound file that can be read, whatever its name', "save it as WAV, MP3,"),
        ("empty", 'audio "empty" is an empty file', "save the sound file again, or name another"),
    ],
)
def test_what_is_no_sound_is_told_of_with_a_remedy(tmp_path, given, what, remedy):
    (tmp_path / "music.wav").write_bytes(WAV)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "empty").touch()
    fault = load_sound(given, tmp_path, makes_sound=True)
    assert isinstance(fault, PictureFault) and fault.what.startswith(what) and fault.remedy.startswith(remedy)
