"""Who makes an artifact that several clips share: the first worker that asks; the others wait for it."""

from __future__ import annotations

from vgpipe.executor.workers.messages import Granted


class Claims:
    """Grants the making of shared artifacts, each to one worker at a time."""

    def __init__(self) -> None:
        self._maker: dict[str, str] = {}
        self._waiting: dict[str, list[str]] = {}
        self._made: set[str] = set()

    def ask(self, worker: str, digest: str) -> Granted | None:
        """Answers a worker that needs an artifact; None: it waits for what `made` or `left` answers later.

        Args:
            worker: who asks.
            digest: of the artifact.
        """
        if digest in self._made:
            return Granted(digest, is_yours=False)
        if self._maker.setdefault(digest, worker) == worker:
            return Granted(digest, is_yours=True)
        waiting = self._waiting.setdefault(digest, [])
        if worker not in waiting:
            waiting.append(worker)
        return None

    def made(self, digest: str) -> list[tuple[str, Granted]]:
        """Notes that an artifact is in the driver's store; returns the answers for those that waited."""
        self._made.add(digest)
        self._maker.pop(digest, None)
        return [(worker, Granted(digest, is_yours=False)) for worker in self._waiting.pop(digest, [])]

    def lost(self, digest: str) -> None:
        """Notes that an artifact is no longer in the driver's store, so that the next one who asks makes it."""
        self._made.discard(digest)

    def failed(self, worker: str, digest: str) -> list[tuple[str, Granted]]:
        """Notes that a worker does not make an artifact after all; the next that waits is to make it."""
        if self._maker.get(digest) != worker:
            return []
        del self._maker[digest]
        waiting = self._waiting.get(digest, [])
        if not waiting:
            return []
        heir = self._maker[digest] = waiting.pop(0)
        return [(heir, Granted(digest, is_yours=True))]

    def left(self, worker: str) -> list[tuple[str, Granted]]:
        """Notes that a worker is gone; for each artifact that it was to make, the next that waits is to make it."""
        for waiting in self._waiting.values():
            if worker in waiting:
                waiting.remove(worker)
        held = [digest for digest, maker in self._maker.items() if maker == worker]
        return [answer for digest in held for answer in self.failed(worker, digest)]
