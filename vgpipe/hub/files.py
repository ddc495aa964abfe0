"""Selects the files of a checkpoint by their names alone, in a listing of the hub or in a folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from vgpipe.errors import ModelError

SMALL_SUFFIXES = (".json", ".txt", ".model", ".jinja")
WEIGHT_SUFFIXES = (".safetensors", ".gguf")
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
# The largest tokenizer.json in use is about 35 MB.
SMALL_LIMIT_BYTES = 64 << 20

_STEM = r"(?P<stem>diffusion_pytorch_model|model)"
_WEIGHTS = re.compile(
    _STEM + r"(\.(?P<variant>\w+))?(-(?P<part>\d{5})-of-(?P<parts>\d{5})(\.(?P<old_variant>\w+))?)?\.safetensors"
)
_INDEX = re.compile(_STEM + r"\.safetensors(\.(?P<old_variant>\w+))?\.index(\.(?P<variant>\w+))?\.json")


@dataclass(frozen=True, slots=True)
class _Weights:
    """One safetensors file, or the index of a sharded set (`parts` 0 and `part` 0)."""

    name: str
    stem: str
    variant: str
    part: int
    parts: int
    is_index: bool


def refuse_hostile(names: Iterable[str], where: str) -> None:
    """Refuses a listing with a path that leaves its folder on any operating system.

    Args:
        names: repo paths, separated by `/`.
        where: the repo, for the message.

    Raises:
        ModelError: naming the file.
    """
    for name in names:
        odd = {"", ".", ".."} & set(name.split("/"))
        if odd or "\\" in name or "\0" in name or re.match(r"[A-Za-z]:", name):
            raise ModelError(f"{where}: lists a file {name!r}, which may lie outside its folder -> choose another repo")


def small_files(files: Mapping[str, int]) -> list[str]:
    """Returns the configs, indices, tokenizer files and licences at a repo's root and in its component folders.

    Args:
        files: repo path -> size in bytes.
    """
    return sorted(
        name
        for name, size_bytes in files.items()
        if name.endswith(SMALL_SUFFIXES) and name.count("/") <= 1 and size_bytes <= SMALL_LIMIT_BYTES
    )


def is_wanted(name: str) -> bool:
    """Returns whether a file is of a kind that is downloaded: never code, never a pickle."""
    return name.endswith((*SMALL_SUFFIXES, *WEIGHT_SUFFIXES))


def variants_of(names: Iterable[str], component: str) -> tuple[str, ...]:
    """Returns the variants of a component's safetensors files, sorted; `""` means the plain files.

    Args:
        names: the checkpoint's files, relative to its root.
        component: its folder, or `""` for files at the root.
    """
    return tuple(sorted({file.variant for file in _weights(_inside(names, component)) if not file.is_index}))


def weights_of_all(names: Collection[str], variant: str | None) -> list[str]:
    """Returns the weight files of every component, of one variant where a component has it.

    Args:
        names: the checkpoint's files, relative to its root.
        variant: such as `fp16`; None for the plain files.
    """
    folders = sorted({str(PurePosixPath(name).parent) for name in names if name.endswith(WEIGHT_SUFFIXES)})
    found: list[str] = []
    for folder in folders:
        component = "" if folder == "." else folder
        try:
            found += choose_weights(names, component, variant, where="", remedy="")
        except ModelError:  # named by no rule: all of them
            inside = _inside(names, component)
            found += [f"{component}/{name}".lstrip("/") for name in inside if name.endswith(WEIGHT_SUFFIXES)]
    return found


def choose_weights(
    names: Collection[str], component: str, variant: str | None, *, where: str, remedy: str
) -> list[str]:
    """Chooses the safetensors files of one component: those of the variant, or the plain ones if it has none.

    Args:
        names: the checkpoint's files, relative to its root.
        component: its folder, or `""` for files at the root.
        variant: such as `fp16`; None for the plain files.
        where: the checkpoint, for messages.
        remedy: what to do if a file is missing.

    Returns:
        Paths relative to the checkpoint's root, the index of a sharded set first; empty for a component without
        weights (a tokenizer, a scheduler).

    Raises:
        ModelError: if the component, a shard or the index is missing, or it has only another variant or only pickled
            files.
    """
    inside = _inside(names, component)
    called = f"{where}: {component}" if component else where
    if not inside:
        raise ModelError(f"{called} is missing: its folder holds no file -> {remedy}")
    found = _weights(inside)
    if not any(not file.is_index for file in found):
        return _without_weights(inside, found, called, remedy)
    chosen = variant if variant and any(file.variant == variant for file in found) else ""
    files = [file for file in found if file.variant == chosen]
    if not files:
        others = ", ".join(variants_of(names, component))
        raise ModelError(f"{called} has only the variant {others} -> model.variant={others.split(', ')[0]}")
    prefix = f"{component}/" if component else ""
    return [prefix + name for name in _one_set(files, called, remedy)]


def _inside(names: Iterable[str], component: str) -> list[str]:
    return sorted(
        path.name for name in names if str((path := PurePosixPath(name)).parent) == (component or ".") and path.name
    )


def _weights(names: Iterable[str]) -> list[_Weights]:
    found = []
    for name in names:
        is_index = name.endswith(".json")
        if match := (_INDEX if is_index else _WEIGHTS).fullmatch(name):
            groups: dict[str, str | None] = {"part": None, "parts": None, **match.groupdict()}
            variant = groups["variant"] or groups["old_variant"] or ""
            part, parts = int(groups["part"] or 0), int(groups["parts"] or 0)
            found.append(_Weights(name, groups["stem"] or "", variant, part, parts, is_index))
    return found


def _without_weights(inside: list[str], found: list[_Weights], called: str, remedy: str) -> list[str]:
    pickled = [name for name in inside if name.endswith(PICKLE_SUFFIXES)]
    if pickled:
        more = f" and {len(pickled) - 1} more" if len(pickled) > 1 else ""
        raise ModelError(
            f"{called} has only pickled weights ({pickled[0]}{more}), which can run code when they are opened and are "
            "never loaded -> choose a repo or revision with safetensors, or convert it on "
            "https://huggingface.co/spaces/safetensors/convert"
        )
    if found or ("config.json" in inside and "tokenizer_config.json" not in inside):
        odd = [name for name in inside if name.endswith(WEIGHT_SUFFIXES)]
        others = f" (only {', '.join(odd[:3])})" if odd else ""
        raise ModelError(f"{called} has a config but no model.safetensors of any kind{others} -> {remedy}")
    return []


def _one_set(files: list[_Weights], called: str, remedy: str) -> list[str]:
    """Diffusers prefers a sharded set to a single file, transformers the single file."""
    stem = min(file.stem for file in files)
    single = [file.name for file in files if file.stem == stem and not file.is_index and not file.parts]
    index = [file.name for file in files if file.stem == stem and file.is_index]
    shards = [file for file in files if file.stem == stem and file.parts]
    if single and (stem == "model" or not (index and shards)):
        return single
    if not index:
        raise ModelError(f"{called} is sharded and lacks its index {stem}.safetensors.index.json -> {remedy}")
    parts = max(file.parts for file in shards)
    lacking = sorted(set(range(1, parts + 1)) - {file.part for file in shards if file.parts == parts})
    if lacking:
        raise ModelError(f"{called} lacks shard {lacking[0]} of {parts} of {stem}.safetensors -> {remedy}")
    return [index[0], *(file.name for file in shards if file.parts == parts)]
