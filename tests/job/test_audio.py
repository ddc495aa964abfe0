"""Whether a clip has sound."""

from dataclasses import replace

from tests.clips.test_given_files import clip
from vgpipe.job.audio import has_model_sound, has_sound
from vgpipe.job.clip import SILENT


def test_a_clip_has_the_sound_of_its_model_or_of_a_file():
    plain, file = clip(0), clip(1, audio="/a.wav", audio_sha256="0" * 64)
    silent = replace(plain, audio=SILENT)
    assert [has_sound(one, makes_sound=True) for one in (plain, file, silent)] == [True, True, False]
    assert [has_sound(one, makes_sound=False) for one in (plain, file, silent)] == [False, True, False]
    assert [has_model_sound(one, makes_sound=True) for one in (plain, file, silent)] == [True, False, False]
