"""Video files that a job names.

They are decoded by the stage that needs their frames, and by the check before a run (`vgpipe/stages/given_video.py`).
"""

from __future__ import annotations

from pathlib import Path

from vgpipe.job.media_files import MediaFile, MediaKind, is_matroska, is_mov, load_media
from vgpipe.job.picture import PictureFault

VIDEO = MediaKind(
    setting="video",
    noun="video",
    suffixes=(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif"),
    format_words="MP4, MOV, WebM, Matroska, AVI or GIF",
    containers={
        "mov": is_mov,
        "matroska": is_matroska,
        "avi": lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI ",
        "gif": lambda head: head[:6] in (b"GIF87a", b"GIF89a"),
    },
)


def load_video(given: str, folder: Path) -> MediaFile | PictureFault:
    """Hashes a video file, and looks at what its first bytes say it is (`load_media`)."""
    return load_media(VIDEO, given, folder)
