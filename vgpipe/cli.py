"""The command line: which command, and what its exit code is. Heavy imports wait until they are needed."""

from __future__ import annotations

import difflib
import os
import sys
import textwrap
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe import __version__
from vgpipe.errors import ModelError, UsageError, VgpipeError

if TYPE_CHECKING:
    from vgpipe.config.arguments import Arguments

EXIT_USAGE, EXIT_STOPPED = 2, 3
COMMANDS = ("run", "resume", "doctor")

HELP = """\
vgpipe renders lists of prompts into videos, stage by stage, and never redoes finished work.

usage:
  python -m vgpipe job=prompts.yaml [group=option ...] [key=value ...]     render a job
  python -m vgpipe clip.prompt="a small red circle moving left"            render one prompt
  python -m vgpipe -m job=prompts.yaml quality=quick,standard              sweep: one run per combination
  python -m vgpipe resume RUN_DIR [run.until=... run.budget=...]           finish a stopped run in place
  python -m vgpipe doctor [--json]                                         say what is wrong here, and what to type

groups (group=option):
{groups}

settings of a clip (strongest first: these, the prompt's own, the job's defaults, quality, model):
  clip.prompt clip.negative_prompt clip.seed clip.width clip.height clip.num_frames clip.seconds
  clip.fps clip.num_inference_steps clip.guidance_scale clip.image

stopping and places:
  run.until=07:00      stop at a time of day        hydra.run.dir=DIR   the run's directory
  run.budget=8h        stop after a duration        store.dir=DIR       artifacts shared by all runs
  run.degrade=any      let another model stand in where one cannot be loaded (strict, safe, any)

flags:
  -m, --multirun       sweep comma-separated values    --config-dir DIR   your own groups
  --cfg job            show the composed config        --debug            show tracebacks
  --version            show the version                -h, --help         this text

exit codes: 0 all clips done; 1 finished, some failed; 2 bad usage, nothing started; 3 stopped early, resumable
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the command line after the program's name; default `sys.argv`.

    Returns:
        The exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        return _dispatch(given)
    except (VgpipeError, OSError) as error:
        if debug:
            traceback.print_exc()
        _tell(error)
        return EXIT_USAGE
    except KeyboardInterrupt:
        sys.stderr.write("vgpipe: interrupted; nothing was started\n")
        return EXIT_STOPPED


def _tell(error: Exception) -> None:
    text = str(error).encode(sys.stderr.encoding or "utf-8", "backslashreplace")
    sys.stderr.write(f"vgpipe: {text.decode(sys.stderr.encoding or 'utf-8')}\n")


def _dispatch(given: list[str]) -> int:
    command, rest = (given[0], given[1:]) if given and given[0] in COMMANDS else ("run", given)
    if command == "doctor":
        return _doctor(rest)
    if {"-h", "--help"} & set(rest) or not (rest or command == "resume"):
        _write_help()
        return 0 if rest else EXIT_USAGE
    if "--version" in rest:
        sys.stdout.write(f"vgpipe {__version__}\n")
        return 0
    return _resume(rest) if command == "resume" else _run(rest)


def _doctor(given: list[str]) -> int:
    # Before everything else: it must also run where Hydra is what cannot be imported.
    from vgpipe.doctor.command import doctor

    return doctor(given)


def _run(given: list[str]) -> int:
    _refuse_unknown_command(given)
    _check_versions()
    _set_library_environment()
    from vgpipe.config.arguments import split
    from vgpipe.config.hydra_app import run_app
    from vgpipe.config.load import combinations

    arguments = split(given)
    if arguments.only_shows:
        combinations(arguments.overrides, arguments.config_dir)
    else:
        _check_everything(arguments)
    from vgpipe.executor.interrupts import StopSignal

    with StopSignal() as stop:
        codes = run_app(arguments, lambda config, root: _start(config, root, stop), _tell)
    return max(codes, default=0)


def _start(config: object, root: Path, stop: object) -> int:
    from vgpipe.executor.runs import start

    return start(config, root, stop)  # type: ignore[arg-type]


def _check_everything(arguments: Arguments) -> None:
    """Composes every combination and reads every job before the first run directory is made."""
    from vgpipe.config.load import combinations, load
    from vgpipe.executor.model_ladder import ModelLadder
    from vgpipe.executor.prepare import request

    sweep = combinations(arguments.overrides, arguments.config_dir) if arguments.is_sweep else [arguments.overrides]
    errors: list[ModelError] = []
    for combination in sweep:
        try:
            config = load(combination, arguments.config_dir)
            request(config)
        except UsageError as error:
            if arguments.is_sweep:
                raise UsageError(f"{error.headline} (with {' '.join(combination)})", error.faults) from error
            raise
        try:
            ModelLadder(config).first()
        except ModelError as error:  # the other models of a sweep go on
            errors.append(error)
    if len(errors) == len(sweep):
        raise errors[0]


def _resume(arguments: list[str]) -> int:
    if not arguments or not arguments[0] or "=" in arguments[0]:
        raise UsageError("resume takes a run directory -> python -m vgpipe resume outputs/<job>/<date_time>")
    _check_versions()
    _set_library_environment()
    from vgpipe.config.load import load_limits
    from vgpipe.executor.interrupts import StopSignal
    from vgpipe.executor.runs import resume

    with StopSignal() as stop:
        return resume(Path(arguments[0]), load_limits(arguments[1:]), stop)


def _check_versions() -> None:
    from vgpipe.doctor.versions import require_good_versions

    require_good_versions(sys.stderr.write)


def _refuse_unknown_command(arguments: list[str]) -> None:
    word = arguments[0]
    if "=" in word or word.startswith(("-", "~", "+")):
        return
    if Path(word).suffix in (".yaml", ".yml", ".txt", ".csv", ".jsonl"):
        raise UsageError(f"{word!r} is no command -> python -m vgpipe job={word}")
    close = difflib.get_close_matches(word, COMMANDS, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"one of: {', '.join(COMMANDS)}"
    raise UsageError(f"{word!r} is no command -> {remedy}")


def _set_library_environment() -> None:
    # Their own bars would run through ours; nothing is ever fetched behind the user's back.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # By default an OpenMP thread that waits spins, which on a machine with anything else to do, our own ffmpeg
    # included, slows denoising many times over (benchmarks/busy_neighbour.py). Must be set before torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _help_row(group: str, options: tuple[str, ...]) -> str:
    margin = " " * 12
    return textwrap.fill(" ".join(options), 110, initial_indent=f"  {group:<9} ", subsequent_indent=margin)


def _write_help() -> None:
    from vgpipe.config.groups import group_table

    rows = [_help_row(group, options) for group, options in group_table()]
    sys.stdout.write(HELP.format(groups="\n".join(rows)))
