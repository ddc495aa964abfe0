"""Why a stock pipeline cannot be driven stage by stage, as its source says."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence

from vgpipe.models.pipeline.stock_inputs import IMAGES
from vgpipe.models.pipeline.stock_modules import Methods, name_of

NEEDED_TO_STAGE = ("prompt_embeds", "latents", "output_type")
GUIDER, IMAGE_ENCODER, ENCODE_IMAGE = "guider", "image_encoder", "encode_image"
ENCODE, PREPARE, LATENTS = "encode_prompt", "prepare_latents", "latents"
HARMLESS = ("check_inputs", "isinstance", "len", "type", "zeros_like", "ones_like", PREPARE)
"""Calls that an image or latents may be given to without being used up."""


def obstacles(
    methods: Methods, arguments: Mapping[str, object], components: Collection[str], embeds: tuple[str, ...]
) -> Iterator[str]:
    """Yields every reason not to resume in the middle of the call, or to enter it after its text was encoded.

    Args:
        methods: of the pipeline class.
        arguments: of its call -> their defaults.
        components: parameters of its constructor.
        embeds: what its `encode_prompt` returns.
    """
    call = methods["__call__"]
    yield from _of_arguments(arguments, embeds)
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
    loop = _plain_loop(call)
    if loop is None:
        yield "its denoising is not one loop over the scheduler's timesteps"
    else:
        yield from _of_latents(methods, call, loop)
        if set(IMAGES) & set(arguments):
            yield from _of_images(call, loop)
    if not set(IMAGES) & set(arguments) and any(_encodes(one) for one in methods.values()):
        yield "its vae encodes, too"
    if set(IMAGES) & set(arguments) and IMAGE_ENCODER in components and ENCODE_IMAGE not in methods:
        yield f"it has no {ENCODE_IMAGE}"


def _of_arguments(arguments: Mapping[str, object], embeds: tuple[str, ...]) -> Iterator[str]:
    lacking = [name for name in NEEDED_TO_STAGE if name not in arguments]
    if lacking:
        yield f"its call takes no {', '.join(lacking)}"
    needed = [name for name, default in arguments.items() if default is None and name not in IMAGES]
    if needed:
        yield f"its call needs a {', '.join(needed)}"
    if not embeds:
        yield "its encode_prompt does not say in one return what it gives"
    strange = [name for name in embeds if name not in arguments]
    if strange:
        yield f"its call takes no {', '.join(strange)}, which its encode_prompt gives"


def _of_latents(methods: Methods, call: ast.FunctionDef, loop: ast.For) -> Iterator[str]:
    """Yields why a loop that is given latents would not continue as the one that made them."""
    prepare = methods.get(PREPARE)
    if prepare is not None and _changed(prepare.body):
        yield f"its {PREPARE} changes latents that it is given"
    before = [node for node in ast.walk(call) if isinstance(node, ast.Assign) and node.lineno < loop.lineno]
    kept = [node for node in before if _targets(node) != {LATENTS} and _uses(node.value, (LATENTS,))]
    if kept:
        yield f"its loop needs the noise that it began with ({', '.join(sorted(_targets(kept[0])))})"
    counted = [node for node in ast.walk(loop) if isinstance(node, ast.If) and _counts_steps(node.test, loop)]
    if counted:
        yield f"its loop counts its steps ({ast.unparse(counted[0].test)})"


def _counts_steps(test: ast.expr, loop: ast.For) -> bool:
    """Returns whether a test compares the number of an iteration with anything but that of the last one."""
    number = next(iter(loop.target.elts)) if isinstance(loop.target, ast.Tuple) else loop.target
    compared = [one for one in ast.walk(test) if isinstance(one, ast.Compare) and name_of(one.left) == name_of(number)]
    return any("timesteps" not in _names_in(one) for one in compared)


def _of_images(call: ast.FunctionDef, loop: ast.For) -> Iterator[str]:
    """Yields why texts, or the frames of latents, would depend on an image."""
    encodes = [node for node in ast.walk(call) if isinstance(node, ast.Call) and name_of(node.func) == ENCODE]
    if any(_names_in(one) & set(IMAGES) for one in encodes):
        yield f"its {ENCODE} reads the image"
    first = min((one.lineno for one in encodes), default=0)
    before = [node for node in call.body if node.lineno < first]
    if any(_uses(node, IMAGES) for node in before):
        yield f"it uses the image before its {ENCODE}"
    after = [node for node in call.body if node.lineno > (loop.end_lineno or loop.lineno)]
    used = sorted({name for node in after for name in _names_in(node)} & {*_prepared_with_latents(call), "generator"})
    if used:
        yield f"its frames are made from more than latents ({used[0]})"


def _prepared_with_latents(call: ast.FunctionDef) -> set[str]:
    """Returns the names of what `prepare_latents` gives beside latents."""
    assigned = [node for node in ast.walk(call) if isinstance(node, ast.Assign)]
    found = {name for node in assigned if _is_call(node.value, PREPARE) for name in _targets(node)}
    pairs = [(node, node.value) for node in assigned if isinstance(node.targets[0], ast.Tuple)]
    unpacked = [node for node, value in pairs if isinstance(value, ast.Name) and value.id in found]
    return (found | {name for node in unpacked for name in _targets(node)}) - {LATENTS}


def _encodes(function: ast.FunctionDef) -> bool:
    """Returns whether a method encodes pixels with the VAE (`self.vae.encode`)."""
    return any(
        isinstance(node, ast.Attribute) and node.attr == "encode" and name_of(node.value) == "vae"
        for node in ast.walk(function)
    )


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and name_of(node.func) == name


def _changed(body: Sequence[ast.stmt]) -> bool:
    """Returns whether statements change `latents` that are not None, beyond their dtype, device and noise level."""
    for node in body:
        match node:
            case ast.If(test=test) if _says_none(test, ast.Is):
                if _changed(node.orelse):
                    return True
            case ast.If(test=test) if _says_none(test, ast.IsNot):
                if _changed(node.body):
                    return True
                if isinstance(node.body[-1], ast.Return):
                    return False
            case ast.If() | ast.For() | ast.With():
                if _changed([*node.body, *getattr(node, "orelse", [])]):
                    return True
            case ast.Assign() | ast.AugAssign() if LATENTS in _targets(node) and not _is_harmless(node.value):
                return True
            case ast.Return(value=ast.BinOp() as value) if LATENTS in _names_in(value) and not _is_harmless(value):
                return True
    return False


def _says_none(test: ast.expr, kind: type[ast.cmpop]) -> bool:
    tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    return any(
        isinstance(one, ast.Compare) and name_of(one.left) == LATENTS and isinstance(one.ops[0], kind) for one in tests
    )


def _is_harmless(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="latents"), attr="to")):
            return True
        case ast.BinOp(left=ast.Name(id="latents"), op=ast.Mult(), right=ast.Attribute(attr="init_noise_sigma")):
            return True
    return False


def _targets(node: ast.Assign | ast.AugAssign) -> set[str]:
    """Returns the names that an assignment changes, whole or in part."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {name for target in targets for name in _names_in(target)}


def _names_in(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _uses(node: ast.AST, names: Collection[str]) -> bool:
    """Returns whether values of some names are used, and not just their attributes or in a harmless call."""
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(value=ast.Name()) | ast.Compare():
            return False
        case ast.Call(func=func) if name_of(func) in HARMLESS:
            return False
    return any(_uses(child, names) for child in ast.iter_child_nodes(node))


def _asked_for_class(function: ast.FunctionDef) -> Iterator[str]:
    """Yields the names in its `isinstance` checks, the scheduler aside, whose wrapper passes for its class."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Attribute() | ast.Name() as asked, *_]):
                if name_of(asked) != "scheduler":
                    yield name_of(asked)


def _plain_loop(call: ast.FunctionDef) -> ast.For | None:
    """Returns the loop of a call that steps through one schedule, once: in no other, and without a second scheduler."""
    loops = [node for node in ast.walk(call) if isinstance(node, ast.For)]
    nested = [inner for loop in loops for inner in ast.walk(loop) if inner is not loop]
    copies = any(name_of(node) == "deepcopy" for node in ast.walk(call) if isinstance(node, ast.Attribute | ast.Name))
    match [loop for loop in loops if _is_over_timesteps(loop)]:
        case [loop] if loop not in nested and not copies:
            return loop
    return None


def _is_over_timesteps(loop: ast.For) -> bool:
    match loop.iter:
        case ast.Call(func=ast.Name(id="enumerate"), args=[ast.Attribute() | ast.Name() as walked, *_]):
            return name_of(walked) == "timesteps"
    return False
