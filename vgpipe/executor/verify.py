"""Says whether a file's recipe still makes it: by what is here, or by making it once more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from vgpipe.config.schema import Config, StoreConfig
from vgpipe.errors import VgpipeError, first_line
from vgpipe.executor.drift import checksums, differences
from vgpipe.executor.interrupts import StopSignal
from vgpipe.executor.names import Names
from vgpipe.executor.prepare import HASHES_FILE, Request, key_maker
from vgpipe.executor.recipes import parts_of
from vgpipe.executor.reruns import Again, Typed, first_files, read, read_again
from vgpipe.executor.runs import EXIT_DONE, ready, start
from vgpipe.executor.work import ClipWork
from vgpipe.hardware import pick_device
from vgpipe.hardware.arithmetic import arithmetic_of
from vgpipe.stages.keys import KeyMaker
from vgpipe.store.artifacts import installed_versions
from vgpipe.store.digest import file_sha256
from vgpipe.store.durable import temporary_beside
from vgpipe.store.rundir import RunDir


class Answer(StrEnum):
    """Whether a recipe still makes its file."""

    SAME = "same"
    DRIFTED = "drifted"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one file.

    Attributes:
        path: the file.
        answer: whether its recipe still makes it.
        reasons: why, one line each.
        is_rendered: whether it was made once more to know.
    """

    path: Path
    answer: Answer
    reasons: tuple[str, ...]
    is_rendered: bool = False


class Verifier:
    """Verifies files; what several of them share is opened once.

    Args:
        typed: where things lie by now, as typed after the files.
    """

    def __init__(self, typed: Typed):
        self._typed = typed
        self._makers: dict[str, KeyMaker] = {}

    def verdict(self, path: Path) -> Verdict:
        """Compares what a file's latents hang on with what is here; renders nothing.

        Args:
            path: a video, an image, or a folder of frames.
        """
        try:
            again = read_again(path, self._typed)
            if (gone := _image_trouble(again)) is not None:
                return Verdict(path, Answer.CANNOT, (gone,))
            changed = differences(again.recipe, self._here(again))
        except VgpipeError as error:
            return Verdict(path, Answer.CANNOT, (" ".join(str(error).removeprefix(f"{path}: ").split()),))
        if changed:
            return Verdict(path, Answer.DRIFTED, changed)
        return Verdict(path, Answer.SAME, ("model, settings, versions and device are as they were",))

    def rendered_verdict(self, path: Path, stop: StopSignal) -> Verdict:
        """Renders a file's clip once more, in a store of its own that goes at the end, and compares the latents.

        Args:
            path: a video, an image, or a folder of frames.
            stop: says when to stop early.
        """
        found = self.verdict(path)
        if found.answer is Answer.CANNOT:
            return found
        again = read_again(path, self._typed)
        try:
            made = _made_again(again, stop)
        except (VgpipeError, OSError) as error:
            return Verdict(path, Answer.CANNOT, (first_line(error),), is_rendered=True)
        notes = found.reasons if found.answer is Answer.DRIFTED else ()
        if checksums(made) == checksums(again.recipe):
            told = ("its latents came out the same, bit for bit", *(f"although {note}" for note in notes))
            return Verdict(path, Answer.SAME, told, is_rendered=True)
        return Verdict(path, Answer.DRIFTED, ("its latents came out otherwise", *notes), is_rendered=True)

    def _here(self, again: Again) -> dict[str, Any]:
        """Returns, in the words of a recipe, what a file's latents would hang on here."""
        maker = self._maker(again.config)
        names = Names(maker, ())
        work = names.divide(ClipWork(again.clip, names.keys_of(again.clip)))
        keys = dict.fromkeys(part.keys.latents.digest for part in work.segments)
        return {
            "parts": parts_of(maker.family, work),
            "latents": [{"key": key} for key in keys],
            "versions": installed_versions(),
            "device": arithmetic_of(pick_device(again.config.hardware.device)),
        }

    def _maker(self, config: Config) -> KeyMaker:
        told = repr((config.model, config.memory))
        if told not in self._makers:
            self._makers[told] = key_maker(config.model, config.memory, config.store.dir)
        return self._makers[told]


def _image_trouble(again: Again) -> str | None:
    clip = again.clip
    if clip.image is None:
        return None
    image = Path(clip.image)
    if not image.is_file():
        return f"its image {image} is gone -> clip.image=PATH"
    return None if file_sha256(image) == clip.image_sha256 else f"its image {image} is another one now"


def _made_again(again: Again, stop: StopSignal) -> dict[str, Any]:
    with _fresh_store(again.config) as config:
        root = Path(config.store.dir) / "run"
        code = start(ready(config, Request((again.clip,))), root, stop)
        record = RunDir(root).read_clips()[0]
        if code != EXIT_DONE:
            raise VgpipeError(f"it could not be rendered: {record.get('error') or record.get('state')}")
        return read(first_files(RunDir(root))[0])


@contextmanager
def _fresh_store(config: Config) -> Iterator[Config]:
    """Gives a config whose store is empty but for the digests of the model's files, which take long to compute."""
    store = Path(config.store.dir)
    folder = temporary_beside(store / "verify")
    folder.mkdir(parents=True)
    try:
        if (store / HASHES_FILE).is_file():
            shutil.copy2(store / HASHES_FILE, folder)
        run = replace(config.run, sheet=False, metadata=True, until=None)
        yield replace(config, store=StoreConfig(dir=str(folder)), run=run, also={})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
