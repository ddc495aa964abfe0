"""Counts the tokens of texts before anything is encoded, where the files of the tokenizers are here."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vgpipe.errors import StoreError
from vgpipe.models.base import Family
from vgpipe.models.text_reader import Cut, TextReader, TextReading
from vgpipe.models.texts.cutting import UNLIMITED, Found
from vgpipe.models.texts.forms import formed, may_exceed, place_of
from vgpipe.store.digest import digest_of
from vgpipe.store.durable import replace_file
from vgpipe.user_cache import user_cache_folder

log = logging.getLogger(__name__)

FOLDER = "read-texts"
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from vgpipe.models.texts import child; child.main()"
MARK = "vgpipe-cuts "
"""Begins the child's answer: a library may print other lines."""
TIMEOUT_S = 120
DEFAULT_LIMIT = 77
"""CLIP's, which published configs leave out."""
WITHOUT_TORCH = {"USE_TORCH": "0", "USE_TF": "0", "USE_FLAX": "0", "TOKENIZERS_PARALLELISM": "false"}


def read_texts(
    family: Family, texts: Iterable[str], folder: Path | None = None, cache: Path | None = None
) -> Mapping[str, TextReading]:
    """Returns what a model reads of the texts that it does not read to the end.

    Texts that are short enough for any tokenizer cost next to nothing; for others a child process imports transformers,
    once for a job: the answer is kept.

    Args:
        family: drives the model.
        texts: as typed.
        folder: holds the tokenizers, where that is not the family's checkpoint.
        cache: folder of what is known; None is the user's.

    Returns:
        Text -> reading, of those that are cut; of none where that is not known before they are encoded.
    """
    readers, wanted = family.text_readers(), list(dict.fromkeys(texts))
    found: dict[str, list[tuple[Cut, Found]]] = {}
    for reader in readers:
        place = _place(family, reader, folder)
        long = too_long(place, reader, wanted)
        if not long or not place.is_dir():
            continue
        counter = _Counter(family, reader, place, cache or user_cache_folder())
        for text, cut in counter.cuts(long):
            found.setdefault(text, []).append(cut)
    return {text: _reading(cuts, _count_readers(readers, text)) for text, cuts in found.items()}


def _count_readers(readers: Sequence[TextReader], text: str) -> int:
    return sum(bool(formed(text, one.form).strip()) for one in readers)


def _reading(cuts: Sequence[tuple[Cut, Found]], readers: int) -> TextReading:
    same = "".join(one.same for _, one in cuts) if len(cuts) == readers else ""
    digest = hashlib.sha256(same.encode()).hexdigest()[:16] if same else ""
    return TextReading(tuple(cut for cut, _ in cuts), readers, digest)


def count_unknown(family: Family, texts: Iterable[str], folder: Path | None = None) -> int:
    """Returns how many texts may be longer than a tokenizer reads whose files are not here yet.

    Args:
        family: drives the model.
        texts: as typed.
        folder: holds the tokenizers, where that is not the family's checkpoint.
    """
    wanted = list(dict.fromkeys(texts))
    absent = [(place, one) for one in family.text_readers() if not (place := _place(family, one, folder)).is_dir()]
    return len({text for place, reader in absent for text in too_long(place, reader, wanted)})


def too_long(place: Path, reader: TextReader, texts: Iterable[str]) -> list[str]:
    """Returns the texts that may be longer than a tokenizer reads.

    Args:
        place: its folder.
        reader: how it is used.
        texts: as typed.
    """
    limit = reader.limit if reader.limit is not None else _own_limit(place)
    return [text for text in texts if may_exceed(text, limit)]


def _place(family: Family, reader: TextReader, folder: Path | None) -> Path:
    return folder / reader.tokenizer if folder else family.checkpoint.source(reader.tokenizer).place


def _own_limit(place: Path) -> int:
    """Returns the length that a tokenizer's config gives it, from which on it is asked itself."""
    try:
        limit = json.loads((place / "tokenizer_config.json").read_text("utf-8")).get("model_max_length")
    except (OSError, ValueError, AttributeError, RecursionError):
        return DEFAULT_LIMIT
    return int(limit) if isinstance(limit, int | float) and 0 < limit < UNLIMITED else UNLIMITED


@dataclass(frozen=True, slots=True)
class _Counter:
    """Counts with one tokenizer.

    Attributes:
        family: drives its model.
        reader: how it is used.
        place: its folder.
        cache: folder of what is known.
    """

    family: Family
    reader: TextReader
    place: Path
    cache: Path

    def cuts(self, texts: Sequence[str]) -> Iterator[tuple[str, tuple[Cut, Found]]]:
        """Yields the texts that are cut, with where."""
        given = [formed(text, self.reader.form) for text in texts]
        for text, passage, found in zip(texts, given, self._found(given), strict=True):
            if found is not None:
                where, rest = place_of(passage, found.at)
                yield text, (Cut(self.reader.tokenizer, found.read, found.of, where, rest, self.reader.form), found)

    def _found(self, texts: Sequence[str]) -> Sequence[Found | None]:
        kept = self.cache / FOLDER / f"{digest_of(self._key(texts))}.json"
        known = _read(kept, len(texts))
        if known is not None:
            return known
        try:
            answers = self._ask(texts)
        except Exception as error:  # whatever keeps a tokenizer from being loaded, loading the model tells better
            log.debug("the tokens of %s are not counted yet: %s", self.reader.tokenizer, error)
            return [None] * len(texts)
        _write(kept, answers)
        return answers

    def _key(self, texts: Sequence[str]) -> dict[str, Any]:
        is_own = self.place == self.family.checkpoint.source(self.reader.tokenizer).place
        files = self.family.identity(self.reader.tokenizer) if is_own else str(self.place)  # a commit's snapshot
        versions = [_version("transformers"), _version("tokenizers")]
        return {
            "tokenizer": digest_of({"files": files}),
            "reader": digest_of({**asdict(self.reader), "versions": versions}),
            "texts": digest_of({"texts": list(texts)}),
        }

    def _ask(self, texts: Sequence[str]) -> list[Found | None]:
        """Counts: in this process where transformers is imported already, else in a child without torch."""
        checkpoint = self.family.checkpoint
        checkpoint.vet(self.reader.tokenizer)
        class_name = checkpoint.class_name(self.reader.tokenizer)
        if "transformers" not in sys.modules:
            asked = {"class": class_name, "place": str(self.place), "reader": asdict(self.reader), "texts": list(texts)}
            return [one and Found(*one) for one in _of_child(asked)]
        from vgpipe.models.texts.open_tokenizer import cuts_of, open_tokenizer

        return cuts_of(open_tokenizer(class_name, self.place, self.reader), self.reader, list(texts))


def _of_child(question: Mapping[str, Any]) -> list[Any]:
    ran = subprocess.run(
        [sys.executable, "-P", "-c", START, json.dumps(sys.path)],
        input=json.dumps(question),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, **WITHOUT_TORCH},
    )
    lines = [line for line in ran.stdout.splitlines() if line.startswith(MARK)]
    if ran.returncode != 0 or not lines:
        raise RuntimeError((ran.stderr.strip().splitlines() or ["no answer"])[-1])
    answer: list[Any] = json.loads(lines[-1].removeprefix(MARK))
    return answer


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _write(path: Path, answers: Sequence[Found | None]) -> None:
    cut = {number: astuple(one) for number, one in enumerate(answers) if one is not None}
    with suppress(OSError, StoreError):  # only the next run is slower
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(cut).encode())


def _read(path: Path, count: int) -> list[Found | None] | None:
    """Returns what is kept of a job's texts; None where nothing is, or nothing that can be read."""
    try:
        fact = json.loads(path.read_text("utf-8"))
        pairs = fact.items()
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    found: list[Found | None] = [None] * count
    try:
        for number, (read, of, at, same) in pairs:
            found[int(number)] = Found(int(read), int(of), int(at), str(same))
    except (ValueError, TypeError, IndexError):
        return None
    return found
