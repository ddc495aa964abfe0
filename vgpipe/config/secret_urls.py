"""How the URLs of notifications are written: they hold secrets, and are kept out of a config, which ends in files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

KEY, VARIABLE = "notify.urls", "VGPIPE_NOTIFY_URLS"
TYPED = re.compile(rf"\+{{0,2}}{re.escape(KEY)}=(.*)", re.DOTALL)
# A URL may hold commas itself, but none before a scheme.
BETWEEN = re.compile(r"[\s,]+(?=[\"']?[A-Za-z][A-Za-z0-9+.-]*://)")
AROUND = " \t\r\n,\"'"


def split_urls(text: str) -> tuple[str, ...]:
    """Returns the URLs in a text that separates them by spaces, line breaks or commas; brackets may be around it."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return tuple(url for part in BETWEEN.split(text) if (url := part.strip(AROUND)))


@contextmanager
def urls_kept_out(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Gives a command line without the URLs that were typed in it, which are in the environment meanwhile.

    Hydra never sees them: it saves each override in several files.

    Args:
        arguments: as typed.

    Side effects:
        Sets the environment variable VGPIPE_NOTIFY_URLS, for the workers of a sweep too, and puts it back at the end.
    """
    typed = [found[1] for word in arguments if (found := TYPED.fullmatch(word))]
    if not typed:
        yield list(arguments)
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "\n".join(split_urls(typed[-1]))
    try:
        yield [word for word in arguments if not TYPED.fullmatch(word)]
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


def environment_without_urls() -> dict[str, str]:
    """Returns the environment for programs of the user's, which may write all of theirs into some log."""
    return {name: value for name, value in os.environ.items() if name != VARIABLE}
