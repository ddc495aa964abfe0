"""The source files of diffusers' pipeline classes, parsed; nothing of diffusers is imported."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

AVAILABLE = re.compile(r"is_(\w+)_available")
CLASS = re.compile(r"^class (\w+)", re.MULTILINE)

Methods = Mapping[str, ast.FunctionDef]


def class_files() -> Mapping[str, Path]:
    """Returns class -> the file of `diffusers/pipelines` that defines it; empty without diffusers."""
    spec = importlib.util.find_spec("diffusers")
    return _class_files(tuple((spec.submodule_search_locations or []) if spec else []))


def statements_of(name: str) -> Sequence[ast.stmt]:
    """Returns the statements of the file that defines a pipeline class; none where there is no such file."""
    path = class_files().get(name)
    return ast.parse(path.read_text("utf-8")).body if path else ()


def methods_in(body: Sequence[ast.stmt], name: str) -> Methods:
    """Returns the methods of a class that some statements define; none where they define no such class."""
    found = [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]
    return {node.name: node for one in found[:1] for node in one.body if isinstance(node, ast.FunctionDef)}


def parameters(function: ast.FunctionDef) -> dict[str, ast.expr | None]:
    """Returns the parameters after `self`, each with its default."""
    given = function.args
    names = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(names) - len(given.defaults)), *given.defaults]
    pairs = [*zip(names, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return {name.arg: default for name, default in pairs[1:]}


def name_of(node: ast.expr) -> str:
    """Returns the last part of a name (`b` of `a.b`); empty for anything else."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def packages_of(body: Sequence[ast.stmt], constructor: ast.FunctionDef) -> Iterator[str]:
    """Yields the packages without which a constructor uses a class that only raises (`if is_NAME_available(): ...`).

    Args:
        body: statements of the file.
        constructor: of the pipeline class.
    """
    used = {node.id for node in ast.walk(constructor) if isinstance(node, ast.Name)}
    for node in body:
        match node:
            case ast.If(test=ast.Call(func=ast.Name(id=asked)), orelse=[ast.ClassDef(name=made)]) if made in used:
                if found := AVAILABLE.fullmatch(asked):
                    yield found[1]


@cache  # reads every file of them once, 0.1 s
def _class_files(folders: tuple[str, ...]) -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    for path in (path for folder in folders for path in sorted(Path(folder, "pipelines").rglob("*.py"))):
        for name in CLASS.findall(path.read_text("utf-8")):
            found.setdefault(name, path)
    return found
