"""Checks the node tree of a job file and makes the job of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from vgpipe.job.faults import Faults, format_value, name_of_line
from vgpipe.job.media_files import MediaFile
from vgpipe.job.naming import slugify
from vgpipe.job.picture import Picture, PictureFault, load_picture
from vgpipe.job.placements import parse
from vgpipe.job.reading.entries import read_defaults, read_entry
from vgpipe.job.reading.field_faults import validate_fields
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table, fields_of, plain, text_pairs
from vgpipe.job.reading.placed_images import IMAGES, with_listed_images
from vgpipe.job.record import Entry, Job, RawSettings
from vgpipe.job.rules import ShapeRules, shape_faults
from vgpipe.job.schema import MAX_CLIPS, JobFields, text_fault
from vgpipe.job.sound_file import GivenSound, load_sound
from vgpipe.job.template import fill, places
from vgpipe.job.video import load_video

MAX_NAME_BYTES = 80
SHAPE_FIELDS = ("width", "height", "num_frames")


def build_job(
    root: Node, stem: str, faults: Faults, rules: ShapeRules | None = None, folder: Path | None = None
) -> Job:
    """Checks the whole file and returns its job.

    Args:
        root: the top of the file's tree.
        stem: the name of a job that has no `name:`.
        faults: the faults found while reading, and where more are recorded.
        rules: what the model can make. With it, shapes that it cannot make are listed with the other faults; where they
            are the only faults they are left to `expand`, which knows what overrides them.
        folder: where relative paths in the file start. With it, images that cannot be read are listed in
            the same cases.

    Returns:
        The job; its settings are of the right type and range.

    Raises:
        JobError: there are faults; it names them all.
    """
    fields = _top_level(root, faults)
    head = validate_fields(
        root.line, {key: _without_content(key, node) for key, node in fields.items()}, JobFields, faults
    )
    defaults = read_defaults(fields["defaults"], faults) if "defaults" in fields else RawSettings()
    entries = _entries(fields.get("prompts"), defaults, faults)
    _check_ids(fields.get("prompts"), faults)
    if len(faults) and rules is not None:
        _add_shape_faults(fields, rules, faults)
    if len(faults) and folder is not None:
        _add_image_faults(fields, folder, faults)
    faults.raise_any()
    title = str(head.get("name", stem))
    name = slugify(title, MAX_NAME_BYTES)
    return Job(
        source=faults.source,
        name=name,
        title=title,
        defaults=defaults,
        entries=tuple(entries),
        folder=folder or Path(),
        notes=faults.notes(),
    )


def _top_level(root: Node, faults: Faults) -> dict[str, Node]:
    if isinstance(root, Table):
        return fields_of(root, faults)
    if isinstance(root, Scalar) and root.value is None:
        faults.add(root.line, "the file is empty", "write `prompts:` and a line `- ...` for each prompt")
    else:
        what = "the file is a single text, not a mapping with `prompts:`"
        faults.add(root.line, what, "write `prompts:` and under it `- ` and the text")
    raise faults.error()


def _without_content(key: str, node: Node) -> Node:
    """Returns `defaults` and `prompts` without their content, which is checked separately; any other node as it is."""
    return Scalar(node.line, None, "") if key in ("defaults", "prompts") else node


def _entries(node: Node | None, defaults: RawSettings, faults: Faults) -> list[Entry]:
    if node is None:
        return []
    if not isinstance(node, Listing) or not node.items:
        empty = isinstance(node, Listing) or (isinstance(node, Scalar) and node.value is None)
        what = "there is no prompt in the file" if empty else "prompts is not a list"
        faults.add(node.line, what, "write at least one" if empty else "start each prompt's line with `- `")
        return []
    if len(node.items) > MAX_CLIPS:
        what = f"{len(node.items):,} prompts; at most {MAX_CLIPS:,} are allowed"
        faults.add(node.line, what, "split the job")
        raise faults.error()
    read = (read_entry(item, defaults, faults) for item in node.items)
    return [entry for entry in read if entry is not None]


def _check_ids(prompts: Node | None, faults: Faults) -> None:
    lines: dict[str, int] = {}
    for item in prompts.items if isinstance(prompts, Listing) else ():
        for key, node in text_pairs(item) if isinstance(item, Table) else ():
            if key == "id" and isinstance(node, Scalar) and isinstance(node.value, str):
                _check_id(node, node.value, lines, faults)


def _check_id(node: Node, name: str, lines: dict[str, int], faults: Faults) -> None:
    # File systems that ignore case also compare composed and decomposed letters as equal.
    folded = unicodedata.normalize("NFC", name.strip()).casefold()
    if folded in lines:
        first = name_of_line(faults.source, lines[folded])
        what = f"the id {format_value(name)} is already at {first} (case does not count)"
        faults.add(node.line, what, "give each prompt its own id, or leave the id out")
    lines.setdefault(folded, node.line)


def _add_shape_faults(fields: Mapping[str, Node], rules: ShapeRules, faults: Faults) -> None:
    for own in _settings(fields):
        values: dict[str, object] = {key: plain(own[key]) for key in SHAPE_FIELDS if key in own}
        for fault in shape_faults(values, rules):
            faults.add(own[fault.field].line, fault.what, fault.remedy)


def _add_image_faults(fields: Mapping[str, Node], folder: Path, faults: Faults) -> None:
    """Records the files that cannot be read; paths with places wait until there is a valid matrix."""

    @cache
    def load(setting: str, given: str) -> Picture | MediaFile | GivenSound | PictureFault:
        if setting == "audio":
            return load_sound(given, folder, makes_sound=True)
        return load_video(given, folder) if setting == "video" else load_picture(given, folder, setting)

    for own in _settings(fields):
        for setting, line, given in _paths(own, faults):
            if not text_fault(given) and not places(given):
                found = load(setting, fill(given, {}).strip())
                if isinstance(found, PictureFault):
                    faults.add(line, found.what, found.remedy)


def _paths(own: Mapping[str, Node], faults: Faults) -> Iterator[tuple[str, int, str]]:
    """Yields setting, line and path of each file that a prompt or the defaults name."""
    for setting in ("image", "last_image", "video", "audio"):
        node = own.get(setting)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            yield setting, node.line, node.value
    listing = with_listed_images(own, faults).get(IMAGES)
    for item in listing.items if isinstance(listing, Listing) else ():
        found = parse(item.value) if isinstance(item, Scalar) and isinstance(item.value, str) else None
        if found is not None:
            yield IMAGES, item.line, found[1]


def _settings(fields: Mapping[str, Node]) -> Iterator[dict[str, Node]]:
    """Yields setting -> node for `defaults` and for each prompt that is a mapping."""
    prompts = fields.get("prompts")
    for table in (fields.get("defaults"), *(prompts.items if isinstance(prompts, Listing) else ())):
        if isinstance(table, Table):
            yield {key.text: node for key, node in table.pairs if isinstance(key, Scalar)}
