"""Says whether a file's recipe still makes it: by what is here, or by making it once more."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.from_config import HASHES_FILE, Request, key_maker
from vgpipe.config.arguments import split
from vgpipe.config.schema import Config, StoreConfig
from vgpipe.errors import UsageError, VgpipeError, first_line
from vgpipe.executor.stop_signal import EXIT_STOPPED, StopSignal
from vgpipe.hardware import pick_device
from vgpipe.hardware.arithmetic import arithmetic_of
from vgpipe.provenance.diff import latents_checksums, recipe_diff
from vgpipe.provenance.recipe import parts_of
from vgpipe.provenance.replay import Replay, ReplayOverrides, first_files, read, read_replay, replay_overrides
from vgpipe.runs.run import EXIT_DONE, ready, start
from vgpipe.stages.keys import KeyMaker
from vgpipe.store.artifacts import installed_versions
from vgpipe.store.digest import file_sha256
from vgpipe.store.durable import temporary_path
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

    def __init__(self, typed: ReplayOverrides):
        self._typed = typed
        self._makers: dict[str, KeyMaker] = {}

    def verdict(self, path: Path) -> Verdict:
        """Compares what a file's latents hang on with what is here; renders nothing.

        Args:
            path: a video, an image, or a folder of frames.
        """
        try:
            replay = read_replay(path, self._typed)
            if (gone := _image_trouble(replay)) is not None:
                return Verdict(path, Answer.CANNOT, (gone,))
            changed = recipe_diff(replay.recipe, self._here(replay))
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
        replay = read_replay(path, self._typed)
        try:
            made = _rendered(replay, stop)
        except (VgpipeError, OSError) as error:
            return Verdict(path, Answer.CANNOT, (first_line(error),), is_rendered=True)
        notes = found.reasons if found.answer is Answer.DRIFTED else ()
        if latents_checksums(made) == latents_checksums(replay.recipe):
            told = ("its latents came out the same, bit for bit", *(f"although {note}" for note in notes))
            return Verdict(path, Answer.SAME, told, is_rendered=True)
        return Verdict(path, Answer.DRIFTED, ("its latents came out otherwise", *notes), is_rendered=True)

    def _here(self, replay: Replay) -> dict[str, Any]:
        """Returns, in the words of a recipe, what a file's latents would hang on here."""
        maker = self._maker(replay.config)
        state = ArtifactKeys(maker, ()).new_state(replay.clip)
        keys = dict.fromkeys(segment.keys.latents.digest for segment in state.segments)
        return {
            "parts": parts_of(maker.family, state),
            "latents": [{"key": key} for key in keys],
            "versions": installed_versions(),
            "device": arithmetic_of(pick_device(replay.config.hardware.device)),
        }

    def _maker(self, config: Config) -> KeyMaker:
        told = repr((config.model, config.memory))
        if told not in self._makers:
            self._makers[told] = key_maker(config.model, config.memory, config.store.dir)
        return self._makers[told]


def _image_trouble(replay: Replay) -> str | None:
    clip = replay.clip
    if clip.image is None:
        return None
    image = Path(clip.image)
    if not image.is_file():
        return f"its image {image} is gone -> clip.image=PATH"
    return None if file_sha256(image) == clip.image_sha256 else f"its image {image} is another one now"


def _rendered(replay: Replay, stop: StopSignal) -> dict[str, Any]:
    with _fresh_store(replay.config) as config:
        root = Path(config.store.dir) / "run"
        code = start(ready(config, Request((replay.clip,))), root, stop)
        record = RunDir(root).read_clips()[0]
        if code != EXIT_DONE:
            raise VgpipeError(f"it could not be rendered: {record.get('error') or record.get('state')}")
        return read(first_files(RunDir(root))[0])


@contextmanager
def _fresh_store(config: Config) -> Iterator[Config]:
    """Gives a config whose store is empty but for the digests of the model's files, which take long to compute."""
    store = Path(config.store.dir)
    folder = temporary_path(store / "verify")
    folder.mkdir(parents=True)
    try:
        if (store / HASHES_FILE).is_file():
            shutil.copy2(store / HASHES_FILE, folder)
        run = replace(config.run, sheet=False, metadata=True, until=None)
        yield replace(config, store=StoreConfig(dir=str(folder)), run=run, also={})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


HELP = """\
usage: python -m vgpipe verify FILE|RUN_DIR ... [--render] [--json] [key=value ...]

Says of each finished file, of a run of each clip's first, whether its recipe still makes it here:

  same      the model's files, all settings, the libraries' versions and the device are those it was made with
  drifted   something of that has changed, and what; its latents may come out otherwise
  cannot    there is no recipe in it, or the model or its image is gone

  --render  makes each clip once more, in a store of its own, and compares the latents bit for bit
  --json    one JSON object a line

  model.id=DIR, clip.image=PATH, hardware=..., store.dir=... say where things lie by now

exit codes: 0 all are the same; 1 some are not; 2 bad usage; 3 stopped
"""
FLAGS = ("--render", "--json")
EXIT_SAME, EXIT_OTHERS = 0, 1


def verify(arguments: Sequence[str]) -> int:
    """Verifies files and writes one line each to stdout.

    Args:
        arguments: what was typed after `verify`.

    Returns:
        The exit code: 0 where all recipes still make their files.

    Raises:
        UsageError: where no file was named, or an override would change what recipes say.
    """
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(HELP)
        return EXIT_SAME
    files, typed = _taken_apart(arguments)
    verifier = Verifier(replay_overrides(typed))
    answers = set()
    with StopSignal() as stop:
        for path in files:
            is_rendered = "--render" in arguments
            found = verifier.rendered_verdict(path, stop) if is_rendered else verifier.verdict(path)
            if stop():
                return EXIT_STOPPED
            _write(found, as_json="--json" in arguments)
            answers.add(found.answer)
    return EXIT_SAME if answers == {Answer.SAME} else EXIT_OTHERS


def _taken_apart(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    words = split([word for word in arguments if word not in FLAGS])
    files = [word for word in words.overrides if "=" not in word or Path(word).exists()]
    if not files:
        raise UsageError("verify takes finished files -> python -m vgpipe verify FILE ... [--render]")
    found = [path for word in files for path in _files_of(Path(word))]
    return found, [*words.flags, *(word for word in words.overrides if word not in files)]


def _files_of(path: Path) -> list[Path]:
    """Returns the files to verify: of a run's directory the first of each finished clip, else the file itself."""
    run_dir = RunDir(path)
    return first_files(run_dir) if run_dir.holds_run() else [path]


def _write(found: Verdict, *, as_json: bool) -> None:
    facts = {**asdict(found), "path": str(found.path)}
    told = json.dumps(facts) if as_json else f"{found.answer:<8}  {found.path}: {'; '.join(found.reasons)}"
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(told.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()
