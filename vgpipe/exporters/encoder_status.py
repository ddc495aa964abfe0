"""Records which encoders have failed in a run, and which hardware encoders have passed a trial."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)


class EncoderStatus:
    """The status of a run's encoders, shared by its chains; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: dict[str, str] = {}
        self._proved: set[str] = set()

    def of(self, name: str) -> str | None:
        """Returns why an encoder failed; None if it did not.

        Args:
            name: the kind and its encoder.
        """
        with self._lock:
            return self._errors.get(name)

    def note(self, name: str, reason: str) -> None:
        """Disables an encoder; keeps and logs the first reason.

        Args:
            name: the kind and its encoder.
            reason: one line.
        """
        with self._lock:
            if name not in self._errors:
                log.warning("%s does not work here and is not used any more: %s", name, reason)
            self._errors.setdefault(name, reason)

    def has_proved(self, name: str) -> bool:
        """Returns whether an encoder has passed its trial."""
        with self._lock:
            return name in self._proved

    def prove(self, name: str) -> None:
        """Records that an encoder has passed its trial."""
        with self._lock:
            self._proved.add(name)
