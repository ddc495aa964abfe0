"""One message, whatever service it goes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mood(StrEnum):
    """What kind of news a message is; services show each in a colour or with a symbol of their own."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent.

    Attributes:
        title: one line.
        body: plain text, some lines.
        mood: what kind of news it is.
        pictures: paths of images that are attached, made small, where a service takes them.
    """

    title: str
    body: str
    mood: Mood = Mood.INFO
    pictures: tuple[str, ...] = ()
