"""What the call of a stock pipeline must be given of a clip, as its source says."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final, Literal

from vgpipe.models.pipeline.stock_modules import Methods, name_of, parameters

IMAGES = ("image", "cond_image")
"""What calls name the image that a clip begins with."""
LAST_IMAGE = "last_image"
NO_SETTINGS = re.compile(
    r"action|c2w|camera|cond_image|conditioning_frames|conditions|control|face|id_|image|intrinsics|keyframe|mask|pose|"
    r"ref_image|reference|video"
)
"""How parameters that hold pictures, videos and poses begin; without a default that works, they must be given."""
ENCODED = ("_embeds", "_latents")
"""How the names of what stands for another parameter, encoded, end."""
HELPERS = ("__call__", "prep")
"""Methods of a call in which a test for None says that it goes without."""

ImageUse = Literal["never", "optional", "required"]
"""Whether a clip begins with an image, as `model.rules.image` says it."""
NEVER: Final = "never"
OPTIONAL: Final = "optional"
REQUIRED: Final = "required"

Needs = tuple[tuple[str, ...], ...]


def needs_of(methods: Methods) -> Needs:
    """Returns the groups of parameters of a call of which each needs one to be given.

    Args:
        methods: of the pipeline class.
    """
    given = parameters(methods["__call__"])
    found: list[tuple[str, ...]] = [(name,) for name, default in given.items() if default is None]
    found += _refused_without(methods, given)
    guarded = {name for method, node in methods.items() if method.startswith(HELPERS) for name in _tested(node)}
    unset = [name for name, default in given.items() if isinstance(default, ast.Constant) and default.value is None]
    found += _alternatives(methods["__call__"], given)
    known = guarded | {name for group in found for name in group}
    found += [(name,) for name in unset if _is_of_clips(name) and name not in known]
    return tuple(dict.fromkeys(found))


def _is_of_clips(name: str) -> bool:
    return bool(NO_SETTINGS.match(name)) and not name.endswith(ENCODED)


def _refused_without(methods: Methods, given: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Yields the groups without which a call raises before anything else."""
    for function in (methods["__call__"], methods.get("check_inputs")):
        for test in _raising(function.body if function else []):
            match test:
                case ast.BoolOp(op=operator, values=values) if all(map(_is_none, values)):
                    names = tuple(filter(None, map(_is_none, values)))
                    groups = [names] if isinstance(operator, ast.And) else [(name,) for name in names]
                case _:
                    groups = [(_is_none(test),)] if _is_none(test) else []
            yield from (group for group in groups if set(group) <= set(given))


def _raising(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """Yields the tests of a function's own level after which it raises."""
    for statement in body:
        if isinstance(statement, ast.If):
            if any(isinstance(one, ast.Raise) for one in statement.body):
                yield statement.test
            yield from _raising(statement.orelse)


def _is_none(test: ast.expr) -> str:
    """Returns the name that a test finds to be None; empty for any other test."""
    match test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return name
    return ""


def _tested(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Compare(left=ast.Name(id=name), comparators=[ast.Constant(value=None)]):
                yield name


def _alternatives(call: ast.FunctionDef, given: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """Yields an image and what a call takes in its place: `if image is not None: ... else: ...(video)`."""
    for node in ast.walk(call):
        match node:
            case ast.If(
                test=ast.Compare(left=ast.Name(id=name), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]),
                orelse=[ast.Assign(value=value)],
            ) if name in IMAGES:
                others = {name_of(one) for one in ast.walk(value) if isinstance(one, ast.Name)} & set(given)
                yield from ((name, other) for other in sorted(others) if _is_of_clips(other))


def image_of(arguments: Collection[str], needs: Needs) -> ImageUse:
    """Returns what a call makes of an image.

    Args:
        arguments: of the call.
        needs: its groups of which one must be given.
    """
    names = set(IMAGES) & set(arguments)
    if not names:
        return NEVER
    return REQUIRED if any(names & set(group) for group in needs) else OPTIONAL
