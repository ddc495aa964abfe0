"""A worker that does what the ids of its clips say; nodes import it, as they import the real one."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

from vgpipe.executor.workers.messages import (
    Claim,
    ClipEnded,
    End,
    Ending,
    Event,
    Granted,
    HandOut,
    HandOutEnded,
    Ready,
    StopNow,
    Unable,
    Why,
)
from vgpipe.fallback.history import PastFallback
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key


class Acting:
    """Stores an artifact for each clip, unless its id says otherwise."""

    def __init__(self, settings, send, store=None):
        self._settings, self._send = settings, send
        self._store = store or Store(Path(settings.config.store.dir))
        self._inbox, self._left = SimpleQueue(), threading.Event()

    def deliver(self, message):
        self._inbox.put(message)

    def leave(self, reason):
        self._left.set()
        self._inbox.put(End())

    def run(self):
        if self._settings.worker == "unable":
            self._send(Unable("no model"))
            return
        facts = {"OMP": os.environ.get("OMP_NUM_THREADS", ""), "torch": str("torch" in sys.modules)}
        if self._settings.worker != "late":
            self._send(Ready(device="cpu", host="h", pid=os.getpid(), memory_gb=1.0, versions=facts))
        while not isinstance(message := self._inbox.get(), End):
            if isinstance(message, HandOut):
                for item in message.items:
                    self._make(item.clip)
                self._send(HandOutEnded())
            elif isinstance(message, Granted):
                self._send(Event("found", {"is_there": self._store.find(self._claimed) is not None}))
            elif isinstance(message, StopNow):
                self._send(HandOutEnded(why=Why.ASKED, reason=message.reason))
        if self._left.is_set():
            self._send(HandOutEnded(why=Why.LEAVING, reason="left"))

    def _make(self, clip):
        what, _, rest = clip.id.partition(" ")
        if what == "die":
            os.kill(os.getpid(), 9)
        if what == "raise":
            raise RuntimeError(rest)
        if what == "claim":
            self._claimed = Key("encode", {"text": rest})
            self._store.find(self._claimed)
            self._send(Claim(self._claimed))
            return
        if what == "sleep":
            self._left.wait(float(rest))
            return
        if what == "many":
            for number in range(int(rest)):
                self._send(Event("n", {"n": number}))
            return
        if what == "image":
            from vgpipe.stages.images import given_frames

            self._send(Event("image", {"shape": given_frames(clip).first_NHWC.shape}))
            return
        with self._store.create(Key("denoise", {"clip": clip.id})) as draft:
            draft.path("a.bin").write_bytes(bytes(int(rest or 1)))
        time.sleep(0.01)
        self._send(ClipEnded(clip=clip.id, ending=Ending.DONE, made=PastFallback({}, (8, 8, 1), (), None)))
