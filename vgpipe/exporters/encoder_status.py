"""Which encoders have failed in a run, and which hardware encoders have proved that they work."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)


class EncoderStatus:
    """What the chains of a run know of its encoders; any thread may ask and tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[str, str] = {}
        self._proved: set[str] = set()

    def of(self, name: str) -> str | None:
        """Returns why an encoder has failed; None where it has not.

        Args:
            name: the kind and its encoder.
        """
        with self._lock:
            return self._said.get(name)

    def note(self, name: str, said: str) -> None:
        """Leaves an encoder out from now on; the first to say so is believed, and logged.

        Args:
            name: the kind and its encoder.
            said: why, one line.
        """
        with self._lock:
            if name not in self._said:
                log.warning("%s does not work here and is left out from now on: %s", name, said)
            self._said.setdefault(name, said)

    def has_proved(self, name: str) -> bool:
        """Says whether an encoder has passed its trial."""
        with self._lock:
            return name in self._proved

    def prove(self, name: str) -> None:
        """Takes note that an encoder has passed its trial."""
        with self._lock:
            self._proved.add(name)
