"""Reads one entry of the job, or records its faults."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from vgpipe.job.declared import set_by
from vgpipe.job.faults import Faults, format_text, nearest
from vgpipe.job.reading.contests import with_flat_contest
from vgpipe.job.reading.field_faults import unquoted_text_fault, validate_fields
from vgpipe.job.reading.foreign_syntax import lora_fault, note_foreign
from vgpipe.job.reading.matrix import check_places, read_matrix
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table, fields_of
from vgpipe.job.reading.placed_images import IMAGES, texts_of, with_listed_images
from vgpipe.job.reading.shots import read_shots, shot_texts
from vgpipe.job.reading.yaml_scalars import quoted
from vgpipe.job.record import Entry, RawSettings, RawShot
from vgpipe.job.schema import PromptFields, SettingFields, ShotsFields
from vgpipe.job.settings import SetBy

_PLACED_DEFAULTS = tuple(one.name for one in set_by(SetBy.JOB) if one.setting.has_places)
_PLACED_FIELDS = ("prompt", "id", *_PLACED_DEFAULTS)
_PATHS = ("id", "image", "last_image", IMAGES, "video", "audio")


def read_defaults(node: Node, faults: Faults) -> RawSettings:
    """Reads the settings under `defaults:`; an empty `defaults:` is allowed."""
    if isinstance(node, Scalar) and node.value is None:
        return RawSettings()
    if not isinstance(node, Table):
        faults.add(node.line, "defaults is not a mapping of settings", "write settings such as `seed: 3`")
        return RawSettings()
    fields = with_listed_images(with_flat_contest(fields_of(node, faults), faults), faults)
    values = validate_fields(node.line, fields, SettingFields, faults)
    return RawSettings(values, {key: fields[key].line for key in values})


def read_entry(node: Node, defaults: RawSettings, faults: Faults) -> Entry | None:
    """Reads one item of `prompts:`.

    Args:
        node: the item: a text or a mapping.
        defaults: the job's defaults; their negative prompt and image may hold places for the entry's matrix.
        faults: where faults are recorded.

    Returns:
        The entry, or None where it has faults.
    """
    found = _fields(node, faults)
    if found is None:
        return None
    fields = with_listed_images(with_flat_contest(found, faults), faults)
    shots = read_shots(fields, faults) if "shots" in fields else ()
    model = ShotsFields if "shots" in fields else PromptFields
    own_fields = {name: value for name, value in fields.items() if name != "prompt" or "shots" not in fields}
    values = validate_fields(node.line, own_fields, model, faults)
    matrix_node = fields.get("matrix")
    matrix = read_matrix(matrix_node, faults) if matrix_node is not None else {}
    texts = {**_placed_texts(fields, defaults), **shot_texts(shots)}
    _check_syntax(texts, faults)
    line = matrix_node.line if matrix_node is not None else node.line
    check_places(texts, matrix, line, faults, has_all=_all_sound(fields.get("shots"), shots))
    prompt = shots[0].prompt if shots else values.get("prompt")
    if prompt is None:
        return None
    own = {key: value for key, value in values.items() if key in SettingFields.model_fields}
    settings = RawSettings(own, {key: fields[key].line for key in own})
    name = values.get("id")
    return Entry(line=node.line, prompt=prompt, id=name, settings=settings, matrix=matrix, shots=shots)


def _check_syntax(texts: Mapping[str, tuple[int, str]], faults: Faults) -> None:
    """Records the LoRAs that texts name, and notes what else other tools would act on."""
    for field, (line, text) in texts.items():
        if field not in _PATHS:
            fault = lora_fault(text)
            if fault is not None:
                faults.add(line, *fault)
            note_foreign(text, partial(faults.note, line))


def _all_sound(node: Node | None, shots: tuple[RawShot, ...]) -> bool:
    return node is None or (isinstance(node, Listing) and len(node.items) == len(shots))


def _fields(node: Node, faults: Faults) -> dict[str, Node] | None:
    """Returns the fields of an entry, where it is a text or a mapping of fields."""
    if isinstance(node, Scalar):
        if isinstance(node.value, str):
            return {"prompt": node}
        faults.add(node.line, *unquoted_text_fault("the prompt", node))
    elif isinstance(node, Listing):
        faults.add(node.line, "this prompt is a list", "write a text or a mapping; text in [ ] needs quotes")
    elif _is_trap(node):
        faults.add(node.line, *_trap(node))
    else:
        return fields_of(node, faults)
    return None


def _is_trap(table: Table) -> bool:
    """Returns whether a mapping was likely meant as a text: `- a cat: asleep` or `- {colour}`."""
    if len(table.pairs) != 1:
        return False
    key, value = table.pairs[0]
    if not isinstance(key, Scalar) or not isinstance(value, Scalar) or key.text == "<<":
        return False
    return " " in key.text.strip() or nearest(key.text, PromptFields.model_fields) is None


def _trap(table: Table) -> tuple[str, str]:
    """Explains a text that was read as a mapping, also for users who did mean a key."""
    key, value = (format_text(node.text) for node in table.pairs[0] if isinstance(node, Scalar))
    if not value:
        what = "YAML takes this prompt for a mapping: it is in braces or ends in a colon"
        return what, "quote the whole prompt"
    what = f'"{key}" before a `: ` is taken for a key, and no prompt has such a key'
    return what, f"quote the whole text: {quoted(f'{key}: {value}')}; or write prompt: {quoted(value)}"


def _placed_texts(fields: Mapping[str, Node], defaults: RawSettings) -> dict[str, tuple[int, str]]:
    """Returns field -> line and text, of every text of the entry that may hold places."""
    texts = {
        name: (node.line, node.value)
        for name in _PLACED_FIELDS
        if isinstance(node := fields.get(name), Scalar) and isinstance(node.value, str)
    }
    if IMAGES in fields:
        texts[IMAGES] = (fields[IMAGES].line, texts_of(fields[IMAGES]))
    for name in _PLACED_DEFAULTS:
        default = defaults.values.get(name)
        default = "\n".join(default) if name == IMAGES and isinstance(default, list) else default
        if isinstance(default, str) and name not in fields:
            texts[name] = (defaults.lines[name], default)
    return texts
