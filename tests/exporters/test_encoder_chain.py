"""Whatever encoders a machine has, something playable comes out, and the result says which."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from functools import lru_cache

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from tests.exporters.clips import BARS, bars, decoded, fake_ffmpeg, ffmpeg_without, psnr_db, smooth
from vgpipe.config.exporter_schema import EXPORTERS, FramesConfig, Mp4Config
from vgpipe.config.load import load
from vgpipe.errors import EncoderError, ExportError, is_disk_full
from vgpipe.exporters import encoder_chain
from vgpipe.exporters.base import exporter, identity
from vgpipe.exporters.encoder_chain import EncoderChain
from vgpipe.exporters.exported import Fallback
from vgpipe.exporters.frames import FramesExporter
from vgpipe.exporters.mp4 import Mp4Exporter
from vgpipe.exporters.videos import Av1Exporter, HevcExporter

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the fake ffmpeg is a shell script")
H264 = ("libx264", "libopenh264", "mpeg4")


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def lacking(tmp_path, monkeypatch):
    """Makes ffmpeg lack encoders."""

    def lack(*encoders):
        monkeypatch.setenv("VGPIPE_FFMPEG", str(ffmpeg_without(tmp_path, *encoders)))

    return lack


def calls(tmp_path):
    return (tmp_path / "calls").read_text().split()


@pytest.mark.parametrize(
    ("missing", "kind", "got"),
    [
        (H264[:1], "mp4", "mp4 (libopenh264)"),
        (H264[:2], "mp4", "mp4 (mpeg4)"),
        (H264, "gif", "gif"),
        ((*H264, "gif"), "frames", "frames"),
    ],
)
def test_each_encoder_has_a_fallback(tmp_path, out, lacking, missing, kind, got):
    lacking(*missing)
    made = exporter({"name": "mp4"}).export(smooth(), fps=8.0, folder=out)
    assert made.kind == kind and made.degradation.got == got and made.degradation.asked == "mp4 (libx264)"
    assert made.degradation.reason == "ffmpeg failed (exit 8): Unknown encoder 'libx264'"
    assert sorted(path.name for path in out.iterdir()) == list(made.files)
    if kind == "frames":
        read = np.stack([np.asarray(Image.open(out / name)) for name in made.files])
        assert np.array_equal(read, smooth())
    else:
        assert decoded(out / made.files[0])[0].shape == smooth().shape
        assert psnr_db(decoded(out / made.files[0])[0], smooth()) > (25 if kind == "gif" else 33)


@pytest.mark.parametrize("missing", [H264[:1], H264[:2], H264])
def test_fallbacks_keep_saturated_colours(out, lacking, missing):
    lacking(*missing)
    made = exporter({"name": "mp4"}).export(bars(), fps=8.0, folder=out)
    got, _ = decoded(out / made.files[0])
    for number, colour in enumerate(BARS.astype(int)):
        assert np.abs(got[:, 16:-16, 32 * number + 12 : 32 * number + 20] - colour).max() <= 3


def test_a_kill_of_the_ffmpeg_that_imageio_tries_first_costs_no_clip_its_encoder(out, monkeypatch):
    find = imageio_ffmpeg._utils._get_ffmpeg_exe.__wrapped__
    monkeypatch.setattr(
        "imageio_ffmpeg._utils._get_ffmpeg_exe", lru_cache(find)
    )  # what it remembers ends with the test
    monkeypatch.setattr("imageio_ffmpeg._utils._is_valid_exe", lambda _: False)  # as where that one was killed
    made = exporter({"name": "mp4"}).export(smooth(), fps=8.0, folder=out)
    assert made.kind == "mp4" and made.degradation is None


@pytest.mark.parametrize("found", ["/nowhere/ffmpeg", None])
def test_without_any_ffmpeg_frames_are_written(out, monkeypatch, found):
    def none():
        raise RuntimeError("No ffmpeg exe could be found.\nInstall it")

    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", none)
    monkeypatch.setattr("vgpipe.exporters.ffmpeg._bundled", lambda: None)
    if found:
        monkeypatch.setenv("VGPIPE_FFMPEG", found)
    made = exporter({"name": "mp4"}).export(smooth(), fps=8.0, folder=out)
    assert made.kind == "frames" and len(made.files) == 9
    assert ("No such file" if found else "No ffmpeg exe") in made.degradation.reason


@pytest.mark.parametrize(
    ("kind", "encoder"),
    [
        ("mp4_hevc", "libx265"),
        ("webm", "libvpx-vp9"),
        ("av1", "libsvtav1"),
        ("mov_prores", "prores_ks"),
        ("ffv1", "ffv1"),
        ("gif", "gif"),
        ("webp", "libwebp"),
        ("apng", "apng"),
    ],
)
def test_the_other_kinds_fall_back_on_mp4(tmp_path, out, lacking, kind, encoder):
    lacking(encoder)
    made = exporter({"name": kind, "upscale_factor": 2.0}).export(smooth(), fps=8.0, folder=out)
    assert made.kind == "mp4" and made.degradation.got == "mp4 (libx264)" and made.degradation.asked.startswith(kind)
    assert decoded(out / "video.mp4")[0].shape == (9, 96, 128, 3)
    assert calls(tmp_path) == [encoder, "libx264"]


def test_gif_ends_in_frames_too(tmp_path, out, lacking):
    lacking(*H264, "gif")
    made = exporter({"name": "gif", "fps": 4.0}).export(smooth(), fps=8.0, folder=out)
    assert calls(tmp_path) == ["gif", *H264]
    assert made.degradation.got == "frames, with the clip's own size and rate"


def test_what_failed_is_not_tried_again(tmp_path, out, lacking, caplog):
    lacking(*H264[:2])
    one = exporter({"name": "mp4"})
    fallbacks = [one.export(smooth(2), fps=8.0, folder=out).degradation for _ in range(3)]
    assert calls(tmp_path) == [*H264[:2], "mpeg4", "mpeg4", "mpeg4"] and len(set(fallbacks)) == 1
    assert caplog.text.count("is not used any more") == 2


def test_several_threads_may_share_it(tmp_path, lacking):
    lacking(*H264[:1])
    one, made = exporter({"name": "mp4"}), []

    def work(number):
        (tmp_path / str(number)).mkdir()
        made.append(one.export(smooth(2), fps=8.0, folder=tmp_path / str(number)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [one.degradation.got for one in made] == ["mp4 (libopenh264)"] * 4


def test_an_encoder_that_dies_in_the_middle_leaves_nothing(tmp_path, out, monkeypatch):
    fake = fake_ffmpeg(tmp_path, {"libx264": f"head -c 9999 >{out}/video.part; echo 'disk on fire' >&2; exit 7"})
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake))
    made = exporter({"name": "mp4"}).export(smooth(200), fps=8.0, folder=out)
    assert made.degradation.reason == "ffmpeg failed (exit 7): disk on fire"
    assert [path.name for path in out.iterdir()] == ["video.mp4"] and len(decoded(out / "video.mp4")[0]) == 200


@pytest.mark.parametrize(
    ("action", "pattern"), [("exit 0", "before it had all|wrote nothing"), ("cat >/dev/null; exit 0", "nothing")]
)
def test_an_encoder_that_lies_is_found_out(tmp_path, out, monkeypatch, action, pattern):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake_ffmpeg(tmp_path, {"libx264": action})))
    with pytest.raises(EncoderError, match=pattern):
        Mp4Exporter().export(smooth(200), fps=8.0, folder=out)


@pytest.mark.parametrize("action", ["sleep 60", "cat >/dev/null; sleep 60"])
def test_a_stuck_ffmpeg_is_ended(tmp_path, out, monkeypatch, action):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake_ffmpeg(tmp_path, {"libx264": action})))
    started = time.monotonic()
    made = exporter({"name": "mp4", "timeout_s": 0.5}).export(smooth(200), fps=8.0, folder=out)
    assert time.monotonic() - started < 20
    assert made.kind == "mp4" and "no progress for 0.5 s" in made.degradation.reason


def once(tmp_path, action):
    """Returns what an ffmpeg does that fails the first time alone, as shell."""
    return f"[ -e {tmp_path}/failed ] || {{ touch {tmp_path}/failed; {action}; }}"


@pytest.mark.parametrize(
    "action", ["head -c 9999 >/dev/null; kill -9 $$", "kill -TERM $$", "exit 255", "kill -SEGV $$", "sleep 60"]
)
def test_one_that_was_killed_or_hung_once_is_tried_again_with_the_same_encoder(
    tmp_path, out, monkeypatch, caplog, action
):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake_ffmpeg(tmp_path, {"libx264": once(tmp_path, action)})))
    made = exporter({"name": "mp4", "timeout_s": 0.5 if "sleep" in action else 60.0}).export(
        smooth(40), fps=8.0, folder=out
    )
    assert made.degradation is None and calls(tmp_path) == ["libx264"] * 2
    assert [path.name for path in out.iterdir()] == ["video.mp4"] and "trying again" in caplog.text


def test_what_is_killed_each_time_takes_a_fallback_for_this_clip_alone(tmp_path, out, monkeypatch):
    monkeypatch.setattr(encoder_chain, "PAUSE_S", 0.0)
    killed = f"[ -e {tmp_path}/enough ] || kill -9 $$"
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake_ffmpeg(tmp_path, {"libx264": killed})))
    one = exporter({"name": "mp4"})
    made = one.export(smooth(), fps=8.0, folder=out)
    assert calls(tmp_path) == ["libx264"] * encoder_chain.MAX_INTERRUPTIONS + ["libopenh264"]
    assert made.degradation == Fallback(
        "mp4 (libx264)", "mp4 (libopenh264)", "ffmpeg was killed by SIGKILL: no error message"
    )
    (tmp_path / "enough").touch()
    encoder_chain.empty(out)
    assert one.export(smooth(), fps=8.0, folder=out).degradation is None


def test_a_program_that_cannot_be_started_for_want_of_memory_is_no_fault_of_the_encoder(out, monkeypatch):
    errors, popen = [OSError(errno.ENOMEM, "Cannot allocate memory")], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: popen(*a, **k) if not errors else _raise(errors.pop()))
    assert exporter({"name": "mp4"}).export(smooth(), fps=8.0, folder=out).degradation is None


def _raise(error):
    raise error


def test_a_limit_on_the_size_of_files_is_no_encoders_fault(tmp_path, out, monkeypatch):
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake_ffmpeg(tmp_path, {"libx264": "kill -XFSZ $$"})))
    with pytest.raises(ExportError, match="SIGXFSZ") as caught:
        exporter({"name": "mp4"}).export(smooth(), fps=8.0, folder=out)
    assert is_disk_full(caught.value) and calls(tmp_path) == ["libx264"]


class Slow:
    """Frames that take their time."""

    shape = (2, 48, 64, 3)

    def __iter__(self):
        yield smooth(1)[0]
        time.sleep(2)
        yield smooth(1)[0]


def test_slow_frames_are_no_fault_of_ffmpeg(out):
    Mp4Exporter(timeout_s=1.2).export(Slow(), fps=8.0, folder=out)
    assert len(decoded(out / "video.mp4")[0]) == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")
def test_a_full_disk_is_no_encoders_fault(tmp_path, out, lacking):
    lacking()
    (out / "video.mp4").symlink_to("/dev/full")
    with pytest.raises(ExportError, match="No space left on device") as caught:
        exporter({"name": "mp4"}).export(smooth(), fps=8.0, folder=out)
    assert not isinstance(caught.value, EncoderError) and caught.value.__cause__.errno == errno.ENOSPC
    assert calls(tmp_path) == ["libx264"]


@pytest.mark.parametrize("name", ["frames", "last_frame", "sheet"])
def test_a_full_disk_stops_images_too(out, monkeypatch, name):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("PIL.Image.Image.save", full)
    with pytest.raises(ExportError, match="No space left") as caught:
        exporter({"name": name}).export(smooth(), fps=8.0, folder=out)
    assert caught.value.__cause__.errno == errno.ENOSPC


@pytest.mark.parametrize("kind", ["mp4", "gif", "frames", "sheet"])
def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path, lacking, kind):
    lacking()
    with pytest.raises(ExportError, match="No such file") as caught:
        exporter({"name": kind}).export(smooth(), fps=8.0, folder=tmp_path / "missing")
    assert not isinstance(caught.value, EncoderError)
    assert not (tmp_path / "calls").exists() or len(calls(tmp_path)) == 1


def test_a_folder_that_vanishes_in_the_middle_is_an_error_at_once(tmp_path, out, lacking):
    class Vanishing:
        shape = (9, 48, 64, 3)

        def __iter__(self):
            for index, frame in enumerate(smooth()):
                if index == 4:
                    shutil.rmtree(out)
                yield frame

    lacking()
    with pytest.raises(ExportError, match="is missing") as caught:
        exporter({"name": "mp4"}).export(Vanishing(), fps=8.0, folder=out)
    assert not isinstance(caught.value, EncoderError) and calls(tmp_path) == ["libx264"]


def test_frames_that_cannot_be_read_are_no_encoders_fault(tmp_path, out, lacking):
    class Gone:
        shape = (9, 48, 64, 3)

        def __iter__(self):
            yield smooth(1)[0]
            raise FileNotFoundError("frames.npy")

    lacking()
    with pytest.raises(FileNotFoundError, match=r"frames\.npy"):
        exporter({"name": "mp4"}).export(Gone(), fps=8.0, folder=out)
    assert "libopenh264" not in ((tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else "")


def test_a_hardware_encoder_is_proved_by_a_few_frames(tmp_path, out, monkeypatch):
    fakes = {"h264_nvenc": 'echo "Cannot load libcuda.so.1" >&2; exit 1'}
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake_ffmpeg(tmp_path, fakes)))
    one = exporter({"name": "mp4", "encoder": "h264_nvenc"})
    made = [one.export(smooth(), fps=8.0, folder=out) for _ in range(2)]
    assert calls(tmp_path) == ["h264_nvenc", "libx264", "libx264"]
    assert made[0].degradation.asked == "mp4 (h264_nvenc)" and "libcuda" in made[0].degradation.reason


def test_a_hardware_encoder_that_works_is_proved_once(tmp_path, out):
    class FakeHardware(Mp4Exporter):
        """Takes note of how many frames it gets, and encodes by x264."""

        def codec(self, picture):
            seen.append(picture.num_frames)
            return Mp4Exporter().codec(picture)

    seen = []
    one = EncoderChain([FakeHardware(encoder="h264_nvenc"), FramesExporter()])
    made = [one.export(smooth(), fps=8.0, folder=out) for _ in range(2)]
    assert seen == [5, 9, 9] and made[0].degradation is None
    assert [path.name for path in out.iterdir()] == ["video.mp4"]


@pytest.mark.parametrize(
    ("kind", "encoder", "pattern"),
    [
        (Mp4Exporter, "h264_nvenc", "-c:v h264_nvenc -rc vbr -cq 16 -b:v 0 -pix_fmt yuv420p"),
        (Mp4Exporter, "h264_qsv", "-c:v h264_qsv -global_quality 16 -pix_fmt nv12"),
        (Mp4Exporter, "h264_vaapi", "format=nv12,hwupload"),
        (Mp4Exporter, "h264_videotoolbox", "-c:v h264_videotoolbox -b:v"),
        (HevcExporter, "hevc_nvenc", "-c:v hevc_nvenc -rc vbr -cq 18 -b:v 0 -pix_fmt yuv420p -tag:v hvc1"),
        (HevcExporter, "hevc_vaapi", "-c:v hevc_vaapi -rc_mode CQP -qp 18 -tag:v hvc1"),
        (Av1Exporter, "av1_nvenc", "-c:v av1_nvenc -rc vbr -cq 24 -b:v 0 -pix_fmt yuv420p -movflags"),
        (Av1Exporter, "av1_vaapi", "-c:v av1_vaapi -rc_mode CQP -global_quality 97 -movflags"),
    ],
)
def test_hardware_commands(out, monkeypatch, kind, encoder, pattern):
    seen = []
    monkeypatch.setattr("vgpipe.exporters.video.pipe", lambda arguments, *_, **__: seen.append(" ".join(arguments)))
    kind(encoder=encoder).export(smooth(), fps=8.0, folder=out)
    assert pattern in seen[0]


def test_behind_a_hardware_encoder_stands_its_kinds_own(tmp_path, out, monkeypatch):
    fakes = {"hevc_nvenc": 'echo "Cannot load libcuda.so.1" >&2; exit 1'}
    monkeypatch.setenv("VGPIPE_FFMPEG", str(fake_ffmpeg(tmp_path, fakes)))
    made = exporter({"name": "mp4_hevc", "encoder": "hevc_nvenc"}).export(smooth(), fps=8.0, folder=out)
    assert calls(tmp_path) == ["hevc_nvenc", "libx265"]
    assert (made.kind, made.degradation.got) == ("mp4_hevc", "mp4_hevc (libx265)")


def test_settings_that_came_later_leave_the_names_of_artifacts_alone():
    assert identity(asdict(Mp4Config())) == {"name": "mp4", "crf": 16, "preset": "medium", "version": 2}
    assert identity(asdict(FramesConfig())) == {"name": "frames", "compress_level": 6}
    changed = identity(asdict(Mp4Config(fps=24.0, encoder="h264_qsv", timeout_s=1.0)))
    assert changed == {"name": "mp4", "crf": 16, "preset": "medium", "fps": 24.0, "encoder": "h264_qsv", "version": 2}


def test_every_option_of_the_group_has_an_exporter():
    for name in EXPORTERS:
        settings = asdict(load([f"exporter={name}"]).exporter)
        assert settings["name"] == name and exporter(settings).kind == name
