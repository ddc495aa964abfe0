"""What the source of a stock pipeline says about it; it is read and never imported, so that a start stays quick."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.text_reader import Form

NEEDED_TO_STAGE = ("prompt_embeds", "latents", "output_type")
GUIDER = "guider"
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
        defaults: the defaults of the others, where they are literals.
        outputs: fields of what its call returns, but for those that are always None; empty where it does not say.
        embeds: what `encode_prompt` returns, by its own variables' names; empty where it does not say.
        form: what its one tokenizer is given of a text; None where its source does not say that plainly.
        obstacle: why it cannot be driven stage by stage; None where it can.
    """

    name: str
    components: tuple[str, ...]
    arguments: tuple[str, ...]
    required: tuple[str, ...]
    defaults: Mapping[str, Any]
    outputs: tuple[str, ...]
    embeds: tuple[str, ...]
    form: Form | None
    obstacle: str | None


def read_source(name: str) -> StockSource:
    """Reads a pipeline class.

    Args:
        name: of a class in diffusers.

    Raises:
        ModelError: where the installed diffusers has no pipeline of that name with a call of its own.
    """
    methods = _methods(name)
    if not {"__init__", "__call__"} <= set(methods):
        raise ModelError(
            f"model.id: its pipeline is {name}, which diffusers {importlib.metadata.version('diffusers')} lacks -> "
            "pip install -U diffusers, or choose a model whose pipeline is one of diffusers"
        )
    given, components = _parameters(methods["__call__"]), _parameters(methods["__init__"])
    embeds = _returned(methods.get("encode_prompt"))
    return StockSource(
        name=name,
        components=tuple(components),
        arguments=tuple(given),
        required=tuple(argument for argument, default in given.items() if default is None),
        defaults={argument: default.value for argument, default in given.items() if isinstance(default, ast.Constant)},
        outputs=_outputs(methods["__call__"]),
        embeds=embeds,
        form=_form(methods, components),
        obstacle=next(_obstacles(methods, given, components, embeds), None),
    )


def literals_of(name: str) -> Mapping[str, Any]:
    """Returns the literals that the file of a pipeline class names, and those that its constructor gives itself.

    Args:
        name: of a class in diffusers; of one that it lacks there are none.
    """
    body = _module(name)
    constructor = _methods_in(body, name).get("__init__")
    found: dict[str, Any] = {}
    for node in [*body, *(constructor.body if constructor else ())]:
        match node:
            case ast.Assign(targets=[ast.Name(id=target) | ast.Attribute(attr=target)], value=value):
                with suppress(ValueError, TypeError):
                    found[target] = ast.literal_eval(value)
    return found


def _methods(name: str) -> dict[str, ast.FunctionDef]:
    return _methods_in(_module(name), name)


def _methods_in(body: Sequence[ast.stmt], name: str) -> dict[str, ast.FunctionDef]:
    found = [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]
    return {node.name: node for one in found[:1] for node in one.body if isinstance(node, ast.FunctionDef)}


def _module(name: str) -> Sequence[ast.stmt]:
    """Returns the statements of the file that defines a pipeline class; none where there is no such file."""
    spec = importlib.util.find_spec("diffusers")
    folders = (spec.submodule_search_locations or []) if spec else []
    head = re.compile(rf"^class {re.escape(name)}\b", re.MULTILINE)
    for path in (path for folder in folders for path in sorted(Path(folder, "pipelines").rglob("*.py"))):
        text = path.read_text("utf-8")
        if head.search(text):
            return ast.parse(text).body
    return ()


def _parameters(function: ast.FunctionDef) -> dict[str, ast.expr | None]:
    """Returns the parameters after `self`, each with its default."""
    given = function.args
    names = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(names) - len(given.defaults)), *given.defaults]
    pairs = [*zip(names, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return {name.arg: default for name, default in pairs[1:]}


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


def _obstacles(
    methods: Mapping[str, ast.FunctionDef],
    arguments: Mapping[str, object],
    components: Collection[str],
    embeds: tuple[str, ...],
) -> Iterator[str]:
    """Yields every reason not to resume in the middle of the call, or to enter it after its text was encoded."""
    call = methods["__call__"]
    lacking = [name for name in NEEDED_TO_STAGE if name not in arguments]
    if lacking:
        yield f"its call takes no {', '.join(lacking)}"
    needed = [name for name, default in arguments.items() if default is None]
    if needed:
        yield f"its call needs a {', '.join(needed)}"
    if not embeds:
        yield "its encode_prompt does not say in one return what it gives"
    strange = [name for name in embeds if name not in arguments]
    if strange:
        yield f"its call takes no {', '.join(strange)}, which its encode_prompt gives"
    if not any(isinstance(node, ast.Constant) and node.value == "latent" for node in ast.walk(call)):
        yield "it gives no latents"
    asked = sorted(name for method in methods.values() for name in _asked_for_class(method) if name in components)
    if asked:
        yield f"it asks for the class of its {asked[0]}"
    if GUIDER in components:
        yield f"its {GUIDER} decides which texts it needs"
    other = [name for name in arguments if name.endswith("_latents")]
    if other:
        yield f"it denoises more than latents ({', '.join(other)})"
    if not _has_plain_loop(call):
        yield "its denoising is not one loop over the scheduler's timesteps"


def _form(methods: Mapping[str, ast.FunctionDef], components: Collection[str]) -> Form | None:
    """Returns what the one tokenizer is given of a text: the text itself, or that cleaned."""
    used = {
        _name(node) for one in methods.values() for node in ast.walk(one) if isinstance(node, ast.Attribute | ast.Name)
    }
    if sum(name.startswith("tokenizer") for name in components) != 1 or used & set(OTHER_TEXT):
        return None
    return Form.CLEANED if CLEANS in used else Form.PLAIN


def _asked_for_class(function: ast.FunctionDef) -> Iterator[str]:
    """Yields the names in its `isinstance` checks, the scheduler aside, whose wrapper passes for its class."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Attribute() | ast.Name() as asked, *_]):
                if _name(asked) != "scheduler":
                    yield _name(asked)


def _has_plain_loop(call: ast.FunctionDef) -> bool:
    """Returns whether the call steps through one schedule, once: a loop in no other, and no second scheduler."""
    loops = [node for node in ast.walk(call) if isinstance(node, ast.For)]
    nested = [inner for loop in loops for inner in ast.walk(loop) if inner is not loop]
    copies = any(isinstance(node, ast.Attribute | ast.Name) and _name(node) == "deepcopy" for node in ast.walk(call))
    match [loop for loop in loops if _is_over_timesteps(loop)]:
        case [loop]:
            return loop not in nested and not copies
    return False


def _is_over_timesteps(loop: ast.For) -> bool:
    match loop.iter:
        case ast.Call(func=ast.Name(id="enumerate"), args=[ast.Attribute() | ast.Name() as walked, *_]):
            return _name(walked) == "timesteps"
    return False


def _name(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id
