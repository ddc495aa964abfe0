"""The command `notify`: says which services messages go to, and sends one to try them. Never shows a URL."""

from __future__ import annotations

import os
from collections.abc import Sequence

from vgpipe.config.notify_urls import notify_urls
from vgpipe.config.secret_urls import VARIABLE
from vgpipe.errors import UsageError
from vgpipe.terminal import write_line

HELP = """\
usage: python -m vgpipe notify [--test]

Says which services notifications go to: those of the environment variable VGPIPE_NOTIFY_URLS, else
those of notify.urls in ~/.config/vgpipe/config.yaml. URLs hold secrets, so that none is shown, and
none is written to any file.

  --test  sends a message to each of them

  export VGPIPE_NOTIFY_URLS="ntfy://a-topic-nobody-guesses mailto://user:password@gmail.com"

Needs the extra apprise: pip install "vgpipe[apprise]". More: docs/notify.md

exit codes: 0 all is well; 1 a URL is unknown, or its service did not accept the message; 2 no URL,
            or apprise is not installed
"""
FLAG = "--test"
EXIT_WELL, EXIT_NOT_SENT = 0, 1


def main(arguments: Sequence[str]) -> int:
    """Checks the URLs of the user, or sends a message to them.

    Args:
        arguments: `--test` or nothing.

    Returns:
        The exit code: 1 where one of them does not work.

    Raises:
        UsageError: where there is no URL, or apprise is not installed.
    """
    from vgpipe.notify import delivery
    from vgpipe.notify.wording import of_trial

    unknown = [argument for argument in arguments if argument != FLAG]
    if unknown:
        raise UsageError(f"notify takes {FLAG} alone, not {unknown[0][:40]!r} -> python -m vgpipe notify --help")
    urls = notify_urls()
    if not urls:
        example = f"{VARIABLE}=ntfy://TOPIC, or notify: {{urls: [ntfy://TOPIC]}} in ~/.config/vgpipe/config.yaml"
        raise UsageError(f"there is no URL that notifications go to -> {example}")
    if not delivery.is_installed():
        raise UsageError(delivery.MISSING)
    is_trial = FLAG in arguments
    outcomes = delivery.deliver(of_trial(), urls) if is_trial else delivery.check(urls)
    source = VARIABLE if VARIABLE in os.environ else "notify.urls of your own config file"
    for outcome in outcomes:
        write_line(f"{outcome}" if is_trial or outcome.reason else f"URL {outcome.number}: {outcome.service}")
    write_line(f"from {source}" if is_trial else f"from {source}; --test sends a message to each")
    return EXIT_NOT_SENT if any(outcome.reason for outcome in outcomes) else EXIT_WELL
