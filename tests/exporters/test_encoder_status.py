"""What a run's exporters share about encoders."""

from __future__ import annotations

from vgpipe.exporters.encoder_status import EncoderStatus


def test_the_first_reason_is_kept_and_logged_once(caplog):
    status = EncoderStatus()
    assert status.of("mp4 (libx264)") is None
    status.note("mp4 (libx264)", "Unknown encoder")
    status.note("mp4 (libx264)", "another reason")
    assert status.of("mp4 (libx264)") == "Unknown encoder" and status.of("gif") is None
    assert [record.message for record in caplog.records] == [
        "mp4 (libx264) does not work here and is not used any more: Unknown encoder"
    ]


def test_a_trial_is_passed_for_one_encoder_only():
    status = EncoderStatus()
    status.prove("mp4 (h264_nvenc)")
    assert status.has_proved("mp4 (h264_nvenc)") and not status.has_proved("mp4 (h264_qsv)")
