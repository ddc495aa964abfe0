"""What the source of a stock pipeline says about it; it is read and never imported, so that a start stays quick."""

from __future__ import annotations

import ast
import importlib.metadata
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.pipeline.stock_inputs import ImageUse, Needs, image_of, needs_of
from vgpipe.models.pipeline.stock_modules import Methods, methods_in, name_of, packages_of, parameters, statements_of
from vgpipe.models.pipeline.stock_obstacles import obstacles
from vgpipe.models.text_reader import Form

CLEANS, OTHER_TEXT = "prompt_clean", ("apply_chat_template", "_text_preprocessing", "_clean_caption", "format")
"""The function that cleans a text in Wan's pipelines and those made after them; what makes another text of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockSource:
    """A pipeline class of the installed diffusers.

    Attributes:
        name: of the class.
        components: parameters of its constructor.
        arguments: parameters of its call.
        required: those of them without a default.
        needs: groups of them, of each of which one must be given; those of `required` are groups of one.
        defaults: the defaults of the others, where they are literals.
        outputs: fields of what its call returns, but for those that are always None; empty where it does not say.
        embeds: what `encode_prompt` returns, by its own variables' names; empty where it does not say.
        form: what its one tokenizer is given of a text; None where its source does not say that plainly.
        obstacle: why it cannot be driven stage by stage; None where it can.
        packages: without which it cannot be made, beyond those that diffusers needs.
    """

    name: str
    components: tuple[str, ...]
    arguments: tuple[str, ...]
    required: tuple[str, ...]
    needs: Needs
    defaults: Mapping[str, Any]
    outputs: tuple[str, ...]
    embeds: tuple[str, ...]
    form: Form | None
    obstacle: str | None
    packages: tuple[str, ...]

    @property
    def image(self) -> ImageUse:
        """Whether a clip begins with an image."""
        return image_of(self.arguments, self.needs)


def read_source(name: str) -> StockSource:
    """Reads a pipeline class.

    Args:
        name: of a class in diffusers.

    Raises:
        ModelError: where the installed diffusers has no pipeline of that name with a call of its own.
    """
    body = statements_of(name)
    methods = methods_in(body, name)
    if not {"__init__", "__call__"} <= set(methods):
        raise ModelError(
            f"model.id: its pipeline is {name}, which diffusers {importlib.metadata.version('diffusers')} lacks -> "
            "pip install -U diffusers, or choose a model whose pipeline is one of diffusers"
        )
    given, components = parameters(methods["__call__"]), parameters(methods["__init__"])
    embeds = _returned(methods.get("encode_prompt"))
    return StockSource(
        name=name,
        components=tuple(components),
        arguments=tuple(given),
        required=tuple(argument for argument, default in given.items() if default is None),
        needs=needs_of(methods),
        defaults={argument: default.value for argument, default in given.items() if isinstance(default, ast.Constant)},
        outputs=_outputs(methods["__call__"]),
        embeds=embeds,
        form=_form(methods, components),
        obstacle=next(obstacles(methods, given, components, embeds), None),
        packages=tuple(packages_of(body, methods["__init__"])),
    )


def literals_of(name: str) -> Mapping[str, Any]:
    """Returns the literals that the file of a pipeline class names, and those that its constructor gives itself.

    Args:
        name: of a class in diffusers; of one that it lacks there are none.
    """
    body = statements_of(name)
    constructor = methods_in(body, name).get("__init__")
    found: dict[str, Any] = {}
    for node in [*body, *(constructor.body if constructor else ())]:
        match node:
            case ast.Assign(targets=[ast.Name(id=target) | ast.Attribute(attr=target)], value=value):
                with suppress(ValueError, TypeError):
                    found[target] = _literal(value)
    return found


def defaults_of(name: str) -> Mapping[str, Any]:
    """Returns the arguments of a pipeline's call whose defaults are literals, lists of them included.

    Args:
        name: of a class in diffusers; of one that it lacks there are none.
    """
    call = methods_in(statements_of(name), name).get("__call__")
    found: dict[str, Any] = {}
    for argument, default in parameters(call).items() if call else ():
        with suppress(ValueError, TypeError):
            if default is not None:
                found[argument] = ast.literal_eval(default)
    return found


def _literal(value: ast.expr) -> Any:
    """Returns a literal, or the text that a list of them is joined to."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(between)), attr="join"), args=[parts]):
            return between.join(ast.literal_eval(parts))
    return ast.literal_eval(value)


def _returned(function: ast.FunctionDef | None) -> tuple[str, ...]:
    """Returns the names that a function returns as a tuple; none where it has several ends or returns anything else."""
    ends = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)] if function else []
    match ends:
        case [ast.Tuple(elts=elements)] if all(isinstance(one, ast.Name) for one in elements):
            return tuple(one.id for one in elements if isinstance(one, ast.Name))
    return ()


def _outputs(call: ast.FunctionDef) -> tuple[str, ...]:
    """Returns the fields of the record that a call ends with."""
    ends = [node.value for node in ast.walk(call) if isinstance(node, ast.Return)]
    fields = [field for end in ends if isinstance(end, ast.Call) for field in end.keywords]
    nothing = [field for field in fields if isinstance(field.value, ast.Constant) and field.value.value is None]
    return tuple(dict.fromkeys(field.arg for field in fields if field.arg and field not in nothing))


def _form(methods: Methods, components: Collection[str]) -> Form | None:
    """Returns what the one tokenizer is given of a text: the text itself, or that cleaned."""
    used = {
        name_of(node)
        for one in methods.values()
        for node in ast.walk(one)
        if isinstance(node, ast.Attribute | ast.Name)
    }
    if sum(name.startswith("tokenizer") for name in components) != 1 or used & set(OTHER_TEXT):
        return None
    return Form.CLEANED if CLEANS in used else Form.PLAIN
