"""Completes a command line in the shell: Hydra's answers, and the keys and commands that only vgpipe knows."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator

from hydra._internal.hydra import Hydra

from vgpipe.config.arguments import Arguments, split
from vgpipe.config.composer import composer
from vgpipe.config.fields import children
from vgpipe.errors import UsageError

PROGRAM = "vgpipe"
TYPED_AS = re.compile(r"^\s*(?:\S*python[\d.]*\s+-m\s+vgpipe|\S+)(?:\s+(?:run|plan)(?=\s))?")
"""How a command line begins that takes overrides."""
SWEEP = ("-m",)
LEFT_OUT = ("clip", "quality")
SEPARATORS = {"bash": " ", "zsh": " ", "fish": "\n"}
AS_MODULE = """
_vgpipe_module_completion()
{
    if [[ $COMP_LINE =~ ^[^\\ ]*python[0-9.]*\\ +-m\\ +vgpipe(\\ |$) ]]; then
        local choices=$( COMP_POINT=$COMP_POINT COMP_LINE=$COMP_LINE ${COMP_WORDS[0]} -m vgpipe -sc query=bash)
        COMPREPLY=($( compgen -o nospace -o default -W "$choices" -- "${COMP_WORDS[$COMP_CWORD]}" ))
    fi
}
complete -o nospace -o default -F _vgpipe_module_completion python python3
"""
"""Hydra's own script knows `python FILE` alone."""


def answer_shell(app: Hydra, arguments: Arguments) -> None:
    """Writes what `-sc install=SHELL`, `uninstall=SHELL` or `query=SHELL` asks for to stdout.

    Args:
        app: Hydra's application object.
        arguments: the command line.

    Raises:
        UsageError: where it asks for something else.
    """
    asked = dict(one.split("=", 1) for one in arguments.overrides if "=" in one)
    if "query" in asked:
        found = candidates(os.environ.get("COMP_LINE", ""))
        sys.stdout.write(SEPARATORS.get(asked["query"], "\n").join(found) + "\n")
        return
    try:
        with _called(PROGRAM):
            app.shell_completion(arguments.sources.config_name, list(arguments.overrides))
    except ValueError as error:
        remedy = "--shell-completion install=bash, or zsh, or fish"
        raise UsageError(f"--shell-completion: {' '.join(str(error).split())} -> {remedy}") from error
    if "bash" in asked.values():
        sys.stdout.write(AS_MODULE if "install" in asked else "complete -r python python3\n")


def candidates(line: str) -> list[str]:
    """Returns what the last word of a command line may become.

    Args:
        line: up to the cursor, as the shell gives it.
    """
    words = TYPED_AS.sub("", line, count=1).split()
    word = "" if line.endswith(" ") or not words else words.pop()
    return sorted({*_of_hydra(words, word), *_keys(word)})


def _of_hydra(words: list[str], word: str) -> list[str]:
    if word.startswith("-"):
        return []
    with contextlib.suppress(Exception):  # half a command line: whatever is wrong with it, there are no candidates
        given = split(words)
        composing = composer(given.sources)
        plugin = Hydra.get_shell_to_plugin_map(composing)["bash"][0]
        return plugin._query(given.sources.config_name, " ".join([*SWEEP[: given.is_sweep], *given.overrides, word]))
    return []


def _keys(word: str) -> list[str]:
    """Returns the keys of the schema that begin like a word, of the nodes whose keys the YAML leaves out."""
    prefix, dot, _ = word.rpartition(".")
    if prefix not in LEFT_OUT or not dot or "=" in word:
        return []
    keys = [f"{prefix}.{name}=" for name in children((prefix,))]
    return [key for key in keys if key.startswith(word)]


@contextlib.contextmanager
def _called(program: str) -> Iterator[None]:
    """Has Hydra complete the installed program: `python -m vgpipe` has no name that a shell could complete."""
    saved, sys.argv = sys.argv, [program]
    try:
        yield
    finally:
        sys.argv = saved
