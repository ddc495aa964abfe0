"""Jobs that are a folder of images: a clip begins with each of them, or goes from one to another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from vgpipe.job.faults import Faults, format_value
from vgpipe.job.naming import slugify
from vgpipe.job.picture import SUFFIXES
from vgpipe.job.reading.image_pairs import Pair, pairs_of
from vgpipe.job.record import Entry, Job, RawSettings
from vgpipe.job.rules import TAKES_IMAGES, ShapeRules
from vgpipe.job.source import display
from vgpipe.job.template import as_text, fill
from vgpipe.natural_order import natural_order
from vgpipe.outside_file import OutsideFileError, Refusal, read_outside
from vgpipe.units import counted

MAX_IMAGES = 100_000
MAX_TEXT_BYTES = 100_000
CAPTION = ".txt"


def images_in(folder: Path) -> list[str]:
    """Returns the names of the images in a folder, as people count them; empty where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = islice((entry.name for entry in entries if _is_image(entry)), MAX_IMAGES + 1)
            return sorted(found, key=lambda name: (natural_order(name.casefold()), name))
    except (OSError, ValueError):
        return []


def read_folder(folder: Path, rules: ShapeRules | None, max_name_bytes: int) -> Job:
    """Reads a folder of images as a job: a prompt for each, its own where a .txt of its name lies beside it.

    Two images whose names make them the first and the last of one clip are one entry, where the model takes both.

    Args:
        folder: which.
        rules: what the model can make.
        max_name_bytes: of the job's name.

    Raises:
        JobError: where there is none, a text cannot be a prompt, or the model takes no image.
    """
    names = images_in(folder)
    faults = Faults(display(folder).rstrip("/"), names)
    if not names or len(names) > MAX_IMAGES:
        found = f"are more than {MAX_IMAGES:,} images" if names else "are no images"
        faults.add(
            0,
            f"there {found} in this directory",
            "split it" if names else f"put images into it ({', '.join(SUFFIXES)})",
        )
    elif rules is not None and rules.image == "never":
        what = f"it holds {counted(len(names), 'image')}, and the model makes videos from text alone"
        faults.add(0, what, f"choose a model that takes images: {TAKES_IMAGES}")
    faults.raise_any()
    pairs = _pairs(names, rules, faults)
    lines = {name: line for line, name in enumerate(names, start=1)}
    entries = tuple(_entry(lines[pair.first], pair, folder, faults) for pair in pairs)
    faults.raise_any()
    _note_what_is_read(entries, pairs, faults)
    title = folder.absolute().name
    return Job(
        source=faults.source,
        name=slugify(title, max_name_bytes),
        title=title,
        defaults=RawSettings(),
        entries=entries,
        folder=folder.absolute(),
        notes=faults.notes(),
        line_names=tuple(names),
    )


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".") and entry.is_file()


def _pairs(names: Sequence[str], rules: ShapeRules | None, faults: Faults) -> Sequence[Pair]:
    """Returns what the clips begin and end with; where the model takes no last image, each image begins a clip."""
    pairs = pairs_of(names)
    if rules is None or rules.last_image != "never":
        return pairs
    if any(pair.last for pair in pairs):
        what = "some images are pairs of a first and a last one, and the model takes no last one: each begins a clip"
        faults.note(0, what)
    return [Pair(Path(name).stem, name) for name in names]


def _note_what_is_read(entries: Sequence[Entry], pairs: Sequence[Pair], faults: Faults) -> None:
    own = [entry for entry in entries if entry.keeps_prompt]
    if own:
        faults.note(0, f"{len(own)} of {len(pairs)} images have a prompt of their own, in a {CAPTION} beside them")
    ending = [pair for pair in pairs if pair.last is not None]
    if ending:
        faults.note(0, f"{len(ending)} of {len(pairs)} clips also have their last image, by its name")


def _entry(line: int, pair: Pair, folder: Path, faults: Faults) -> Entry:
    prompt = None
    for stem in dict.fromkeys((Path(pair.first).stem, pair.name)):
        prompt = prompt or _caption(line, folder / f"{stem}{CAPTION}", faults)
    given = {"image": pair.first} | ({"last_image": pair.last} if pair.last is not None else {})
    paths = {setting: _path(line, name, faults) for setting, name in given.items()}
    settings = RawSettings(paths, dict.fromkeys(paths, line))
    name = as_text(pair.name)
    return Entry(line=line, prompt=prompt or "", id=name, settings=settings, keeps_prompt=prompt is not None)


def _path(line: int, name: str, faults: Faults) -> str:
    """Returns a file name as a job holds it."""
    relative = name if name == name.strip() else f"./{name}"  # blanks around a path are removed
    path = as_text(relative)
    if fill(path, {}) != relative or not name.isprintable():
        faults.add(line, "its name cannot be written in a job", "rename it")
    return path


def _caption(line: int, path: Path, faults: Faults) -> str | None:
    """Returns the text beside an image; None where there is none."""
    from vgpipe.job.reading.foreign_syntax import lora_fault, note_foreign
    from vgpipe.job.reading.matrix import check_places
    from vgpipe.job.schema import TEXT_REMEDY, text_fault

    try:
        text = read_outside(path, max_bytes=MAX_TEXT_BYTES).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        faults.add(line, f"{format_value(path.name)} beside it is not UTF-8", "save the file as UTF-8")
        return None
    except OutsideFileError as error:
        if error.refusal is not Refusal.MISSING:
            faults.add(line, f"{format_value(path.name)} beside it cannot be read: {error}", "mend it, or move it away")
        return None
    fault = text_fault(text)
    if fault:
        remedy = "write a prompt into it, or remove it" if not text else TEXT_REMEDY
        faults.add(line, f"{format_value(path.name)} beside it {fault}", remedy)
        return None
    if (named := lora_fault(text)) is not None:
        faults.add(line, *named)
    note_foreign(text, partial(faults.note, line))
    check_places({"prompt": (line, text)}, {}, line, faults)
    return text
