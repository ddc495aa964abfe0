"""Reads the shots of an entry."""

from __future__ import annotations

from collections.abc import Mapping

from vgpipe.job.declared import spellings
from vgpipe.job.faults import Faults
from vgpipe.job.reading.field_faults import unquoted_text_fault, validate_fields
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table, fields_of
from vgpipe.job.record import RawSettings, RawShot
from vgpipe.job.schema import MAX_SHOTS, ShotFields

EXAMPLE = 'write shots: and under it `- {prompt: "...", seconds: 3}` for each'
LENGTHS = spellings("num_frames")


def read_shots(fields: Mapping[str, Node], faults: Faults) -> tuple[RawShot, ...]:
    """Reads the shots of an entry.

    Args:
        fields: of the entry, `shots` among them.
        faults: where their faults are recorded.

    Returns:
        The valid shots, in order.
    """
    node = fields["shots"]
    if "prompt" in fields:
        line = max(node.line, fields["prompt"].line)
        faults.add(line, "both prompt and shots are given", "make the prompt the first shot")
    if not isinstance(node, Listing) or not node.items:
        faults.add(node.line, "shots is not a list of prompts", EXAMPLE)
        return ()
    if len(node.items) > MAX_SHOTS:
        what = f"{len(node.items):,} shots; at most {MAX_SHOTS:,} are allowed in one clip"
        faults.add(node.line, what, "split the clip")
        return ()
    found = [_shot(item, number, faults) for number, item in enumerate(node.items, start=1)]
    return tuple(shot for shot in found if shot is not None)


def shot_texts(shots: tuple[RawShot, ...]) -> dict[str, tuple[int, str]]:
    """Returns name -> line and text of every shot's prompt, which may hold places."""
    return {f"the prompt of shot {shot.number}": (shot.line, shot.prompt) for shot in shots}


def _shot(node: Node, number: int, faults: Faults) -> RawShot | None:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        fields: Mapping[str, Node] = {"prompt": node}
    elif isinstance(node, Table):
        fields = fields_of(node, faults)
    else:
        misread_as = unquoted_text_fault("the prompt of a shot", node) if isinstance(node, Scalar) else None
        faults.add(node.line, *(misread_as or ("this shot is a list", EXAMPLE)))
        return None
    values = validate_fields(node.line, fields, ShotFields, faults)
    if not values:
        return None
    length = {name: values[name] for name in LENGTHS if name in values}
    lines = {name: fields[name].line for name in length}
    own = RawSettings(length, lines)
    return RawShot(line=node.line, number=number, prompt=values["prompt"], length=own, cut=values.get("cut", False))
