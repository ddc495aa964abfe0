"""Reads a prompt's matrix and checks it against the places in the prompt's texts."""

from __future__ import annotations

from collections.abc import Mapping

from vgpipe.job.faults import Faults, format_text, format_value, nearest
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table, fields_of
from vgpipe.job.reading.yaml_scalars import quoted
from vgpipe.job.schema import MAX_PROMPT_CHARS, TEXT_REMEDY, text_fault
from vgpipe.job.template import alternatives, longest_filled, places

Matrix = dict[str, tuple[str, ...]]
WITHOUT_CHOICES = ("id", "image")
"""Fields whose alternatives are not chosen from."""


def read_matrix(node: Node, faults: Faults) -> Matrix:
    """Reads a matrix.

    Args:
        node: what stands under `matrix:`.
        faults: where its faults are recorded.

    Returns:
        Name -> texts, in the file's order; numbers as the user typed them. A invalid name has no texts.
    """
    if not isinstance(node, Table) or not node.pairs:
        as_read = "empty" if isinstance(node, Table) else format_value(_shallow(node))
        what = f"matrix is {as_read}; allowed: names, each with a list of texts or numbers"
        faults.add(node.line, what, "write matrix: {colour: [red, blue]}")
        return {}
    return {name: _texts(name, value, faults) for name, value in fields_of(node, faults).items()}


def check_places(
    texts: Mapping[str, tuple[int, str]], matrix: Matrix, matrix_line: int, faults: Faults, *, has_all: bool = True
) -> None:
    """Records every `{name}` that the matrix lacks, every name of it that is not used, and texts too long.

    Args:
        texts: field -> its line and its text as written.
        matrix: name -> texts.
        matrix_line: where the matrix stands.
        faults: where the faults are recorded.
        has_all: whether no text is missing that could use a name.
    """
    for field, (line, text) in texts.items():
        for name in places(text):
            if name not in matrix:
                faults.add(line, *_unknown_place(field, name, matrix, faults.source))
        for found in alternatives(text) if field in WITHOUT_CHOICES else ():
            place = f"{{{format_text(found)}}}"
            what = f"{field} has the alternatives {place}, which only prompts may have"
            faults.add(line, what, f"for the text itself write {{{place}}}")
        length = longest_filled(text, matrix)
        if length > MAX_PROMPT_CHARS >= len(text):
            what = f"{field} with its places filled has up to {length:,} characters"
            faults.add(line, f"{what}; at most {MAX_PROMPT_CHARS:,} are allowed", "shorten the matrix's texts")
    used = {name for _, text in texts.values() for name in places(text)}
    for name in matrix if has_all else ():
        if name not in used:
            remedy = _advice(name, used - set(matrix))
            faults.add(matrix_line, f"no text uses {format_value(name)} of the matrix", remedy)


def _texts(name: str, node: Node, faults: Faults) -> tuple[str, ...]:
    if not isinstance(node, Listing) or not node.items:
        what = f"{format_value(name)} of the matrix is not a list of texts or numbers"
        example = format_text(node.text) if isinstance(node, Scalar) and node.text else "red, blue"
        faults.add(node.line, what, f"write a list: [{example}]")
        return ()
    return tuple(text for item in node.items if (text := _text(name, item, faults)) is not None)


def _text(name: str, node: Node, faults: Faults) -> str | None:
    value = _shallow(node)
    if not isinstance(node, Scalar) or isinstance(value, bool) or not isinstance(value, str | int | float):
        what = f"an item of {format_value(name)} in the matrix is {format_value(value)}, not a text or number"
        typed = format_text(node.text) if isinstance(node, Scalar) else ""
        remedy = f"quote it: {quoted(typed)}" if typed else "write a text or a number"
        faults.add(node.line, what, remedy)
        return None
    fault = text_fault(node.text) if node.text.strip() else None
    if fault:
        faults.add(node.line, f"an item of {format_value(name)} in the matrix {fault}", TEXT_REMEDY)
    return node.text


def _shallow(node: Node) -> object:
    """Returns a scalar's value, or an empty container of the node's kind: enough to show it."""
    if isinstance(node, Scalar):
        return node.value
    return [] if isinstance(node, Listing) else {}


def _unknown_place(field: str, name: str, matrix: Matrix, source: str) -> tuple[str, str]:
    place = f"{{{format_text(name)}}}"
    literal = f"for the text itself write {{{place}}}"
    yaml = "" if _takes_matrix(source) else "in a .yaml job "
    if yaml:
        what = f"{field} has the place {place}, and only a .yaml, .json or .jsonl job has a matrix to fill it"
        return what, f"{yaml}add matrix: {{{format_text(name)}: [..., ...]}} to the prompt; or {literal}"
    if not matrix:
        what = f"{field} has the place {place}, but there is no matrix to fill it"
        return what, f"add a matrix, or {literal}"
    meant = nearest(name, matrix)
    what = f"{field} has the place {place}; the matrix has {', '.join(format_text(key) for key in matrix)}"
    return what, f"did you mean {{{meant}}}? Or {literal}" if meant else literal


def _takes_matrix(source: str) -> bool:
    return not source.lower().endswith((".txt", ".csv", ".tsv"))


def _advice(name: str, unknown: set[str]) -> str:
    place = f"{{{format_text(name)}}}"
    meant = nearest(name, unknown)
    instead = f" in place of {{{format_text(meant)}}}" if meant else ""
    return f"write {place} in the prompt{instead}, or remove it"
