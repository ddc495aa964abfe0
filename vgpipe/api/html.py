"""Clips in a notebook: players and images with the files embedded, since a notebook's page may not read the disk."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol

VIDEOS = {".mp4": "video/mp4", ".webm": "video/webm"}
IMAGES = {
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
ENOUGH_FOR_ONE, ENOUGH_FOR_ALL = 16 * 2**20, 32 * 2**20
"""Bytes of files that the output of a cell may hold, for one clip and for a run."""
MAX_CLIPS, WIDTH = 24, 260
DRAFTED = "drafted"


class ShownClip(Protocol):
    """What is shown of a clip."""

    @property
    def prompt(self) -> str:
        """What it shows."""

    @property
    def state(self) -> str:
        """Whether it is done."""

    @property
    def draft_steps(self) -> int | None:
        """The steps after which it stops; None of one that is made to the end."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it was asked for."""

    @property
    def files(self) -> Mapping[str, Path]:
        """Kind -> path."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """Stage -> seconds."""

    @property
    def degradations(self) -> Sequence[object]:
        """What was done that nobody asked for."""

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of it."""

    @property
    def error(self) -> str | None:
        """Why it failed."""


class ShownRun(Protocol):
    """What is shown of a run."""

    @property
    def clips(self) -> Sequence[ShownClip]:
        """Its clips."""

    @property
    def root(self) -> Path:
        """Its directory."""

    @property
    def report(self) -> Path | None:
        """Its page."""

    @property
    def summary(self) -> str:
        """How many clips are in each state."""

    @property
    def stopped_by(self) -> str:
        """Why it stopped early."""


def clip_html(clip: ShownClip) -> str:
    """Returns a clip as HTML: its video or an image of it, its prompt, state and settings."""
    return _figure(clip, _media(clip, ENOUGH_FOR_ONE))


def run_html(run: ShownRun) -> str:
    """Returns a run as HTML: its first clips, as many as a notebook can bear, and where the others are."""
    figures, room = [], ENOUGH_FOR_ALL
    for clip in run.clips[:MAX_CLIPS]:
        media = _media(clip, room)
        room -= len(media)
        figures.append(_figure(clip, media))
    left = len(run.clips) - len(figures)
    more = f"<p>and {left} more in {escape(str(run.report or run.root))}</p>" if left else ""
    stopped = f"; stopped: {escape(run.stopped_by)}" if run.stopped_by else ""
    head = f"<p><b>{escape(run.summary)}</b>{stopped} <code>{escape(str(run.root))}</code></p>"
    return f'<div>{head}<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(figures)}</div>{more}</div>'


def _figure(clip: ShownClip, media: str) -> str:
    size = "x".join(str(clip.settings[name]) for name in ("width", "height") if name in clip.settings)
    facts = [_state(clip), f"seed {clip.settings['seed']}" if "seed" in clip.settings else "", size]
    if clip.seconds:
        facts.append(f"{sum(clip.seconds.values()):.1f} s")
    notes = [*map(str, clip.degradations), *clip.notes, *([clip.error] if clip.error else [])]
    lines = [clip.prompt, ", ".join(fact for fact in facts if fact), *notes]
    caption = "".join(f"<div>{escape(line)}</div>" for line in lines)
    style = f"margin:0;width:{WIDTH}px;overflow-wrap:anywhere"
    return f'<figure style="{style}">{media}<figcaption>{caption}</figcaption></figure>'


def _state(clip: ShownClip) -> str:
    """Returns the state of a clip; of a draft what its files are."""
    if clip.state != DRAFTED:
        return clip.state
    return f"preview, step {clip.draft_steps} of {clip.settings.get('num_inference_steps', '?')}"


def _media(clip: ShownClip, room: int) -> str:
    """Returns the first file that a browser shows and that is small enough; empty without one."""
    for path, template in _shown(clip):
        try:
            is_link = path.is_symlink() or path.parent.is_symlink()  # which may lead out of the run of a stranger
            is_embedded = path.stat().st_size * 4 / 3 < room and not is_link
            data = path.read_bytes() if is_embedded else b""
        except OSError:
            continue
        if data:
            return template.format(base64.b64encode(data).decode())
    return ""


def _shown(clip: ShownClip) -> Iterator[tuple[Path, str]]:
    files = [path for path in clip.files.values() if path.is_file()]
    for path in files:
        if kind := VIDEOS.get(path.suffix.lower()):
            options = f'width="{WIDTH}" controls loop muted autoplay playsinline'
            yield path, f'<video {options} src="data:{kind};base64,{{}}"></video>'
    for path in sorted(files, key=lambda one: one.suffix.lower() not in (".gif", ".webp")):
        if kind := IMAGES.get(path.suffix.lower()):
            yield path, f'<img width="{WIDTH}" src="data:{kind};base64,{{}}">'
