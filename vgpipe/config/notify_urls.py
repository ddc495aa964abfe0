"""The URLs that notifications go to."""

from __future__ import annotations

import os

from vgpipe.config.secret_urls import VARIABLE, split_urls
from vgpipe.config.user_defaults import read_notify_urls


def notify_urls() -> tuple[str, ...]:
    """Returns the URLs: of the environment variable VGPIPE_NOTIFY_URLS, else of the user's own config file.

    An empty variable means none at all.

    Raises:
        ConfigError: where the user's own file cannot be read.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return split_urls(named)
    return read_notify_urls()
