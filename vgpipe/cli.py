"""The command line: which command runs, and with which exit code. Heavy imports wait until a command needs them."""

from __future__ import annotations

import codecs
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vgpipe import __version__
from vgpipe.collection import START_UP
from vgpipe.commands.registry import COMMANDS, DEFAULT, Needs, command, needs_of
from vgpipe.config.secret_urls import urls_kept_out
from vgpipe.errors import UsageError, VgpipeError
from vgpipe.executor.library_environment import set_library_environment
from vgpipe.runs.exit_codes import EXIT_FAILED, EXIT_STOPPED, EXIT_USAGE
from vgpipe.terminal import OutputError, flush, open_missing_streams, write, write_error, write_note
from vgpipe.typed import as_typed

log = logging.getLogger(__name__)

HELP_FLAGS = frozenset({"-h", "--help"})
HELP_WORD = "help"
JOB_SUFFIXES = (".yaml", ".yml", ".txt", ".csv", ".jsonl")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the command line after the program's name; default `sys.argv`.

    Returns:
        The exit code.
    """
    if arguments is None:
        _leave_ascii()
    missing = open_missing_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    shows_tracebacks = "--debug" in given
    ours = logging.getLogger("vgpipe")
    level = ours.level
    START_UP.pause()
    try:
        if shows_tracebacks:
            ours.setLevel(logging.DEBUG)  # the terminal then shows all that run.log gets
        with urls_kept_out([argument for argument in given if argument != "--debug"]) as arguments:
            code = _dispatch(arguments, missing)
        flush()
        return code
    except OutputError as error:
        if error.is_worth_telling:
            write_error(error)
        return EXIT_FAILED
    except (VgpipeError, OSError) as error:
        if shows_tracebacks:
            import traceback

            write_note(traceback.format_exc())
        write_error(error)
        return EXIT_USAGE
    except KeyboardInterrupt:
        write_error("interrupted; nothing was started")
        return EXIT_STOPPED
    finally:
        START_UP.end()
        ours.setLevel(level)


def _leave_ascii() -> None:
    """Starts Python again in its UTF-8 mode where its files could have ASCII names alone (LC_ALL=C, PYTHONUTF8=0)."""
    if os.name != "posix" or sys.flags.utf8_mode or not sys.executable:
        return
    if codecs.lookup(sys.getfilesystemencoding()).name == "ascii":
        os.environ["PYTHONUTF8"] = "1"  # for child processes
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _dispatch(given: list[str], missing: Sequence[str]) -> int:
    if given[:1] == [HELP_WORD]:
        given = [*given[1:2], "--help"]
    name, arguments = (given[0], given[1:]) if given and given[0] in COMMANDS else (DEFAULT, given)
    if HELP_FLAGS & set(arguments):
        if name == DEFAULT and arguments[0] not in HELP_FLAGS:
            _refuse_unknown_command(arguments[0])
        write(_help_of(name))
        return 0
    if name == DEFAULT:
        if not arguments:
            write(_help_of(DEFAULT))
            return EXIT_USAGE
        if "--version" in arguments:
            write(f"vgpipe {__version__}\n")
            return 0
        _refuse_unknown_command(arguments[0])
    if needs_of(name, arguments) is Needs.NOTHING:
        return command(name).main(arguments)
    _check_versions()
    set_library_environment()
    # No plugin may change how vgpipe's own records are checked, and the search for some reads the metadata of every
    # installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from vgpipe.executor.library_logs import libraries_kept_quiet

    with libraries_kept_quiet():
        for stream in missing:
            log.warning("%s was closed when vgpipe started: it reads and writes nothing", stream)
        return command(name).main(arguments)


def _help_of(name: str) -> str:
    if name != DEFAULT:
        return command(name).HELP
    from vgpipe.commands.overview import overview

    return overview()


def _refuse_unknown_command(word: str) -> None:
    if "=" in word or word.startswith(("-", "~", "+")):
        return
    if Path(word).suffix in JOB_SUFFIXES:
        raise UsageError(f"unknown command {word!r} -> python -m vgpipe {as_typed('job', word)}")
    import difflib

    close = difflib.get_close_matches(word, COMMANDS, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"one of: {', '.join(COMMANDS)}"
    raise UsageError(f"unknown command {word!r} -> {remedy}")


def _check_versions() -> None:
    from vgpipe.doctor.checked_versions import require_checked_versions

    require_checked_versions(write_note)
