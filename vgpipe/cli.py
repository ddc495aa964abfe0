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
from vgpipe.errors import ConfigError, ModelError, UsageError, VgpipeError

if TYPE_CHECKING:
    from vgpipe.clips.from_config import Request
    from vgpipe.config.arguments import Arguments
    from vgpipe.config.schema import Config
    from vgpipe.executor.stop_signal import StopSignal
    from vgpipe.runs.run import Ready

EXIT_USAGE, EXIT_STOPPED = 2, 3
COMMANDS = ("run", "plan", "resume", "report", "rerun", "verify", "doctor")

HELP = """\
vgpipe renders lists of prompts into videos, stage by stage, and never redoes finished work.

usage:
  python -m vgpipe job=prompts.yaml [group=option ...] [key=value ...]     render a job
  python -m vgpipe clip.prompt="a small red circle moving left"            render one prompt
  python -m vgpipe -m job=prompts.yaml quality=quick,standard              sweep: one run per combination
  python -m vgpipe plan [job=...] [hardware=rtx3060_8gb|all] [--json]      forecast memory, RAM, disk and time
  python -m vgpipe resume RUN_DIR [run.until=... run.budget=...]           finish a stopped run in place
  python -m vgpipe report RUN_DIR                                          build the page that shows a run
  python -m vgpipe report RUN_DIR RUN_DIR ... [--out FILE]                 and the one that compares several
  python -m vgpipe rerun FILE                                              render again what a file says it is
  python -m vgpipe verify FILE|RUN_DIR ... [--render]                      say whether its recipe still makes it
  python -m vgpipe doctor [--json]                                         say what is wrong here, and what to type

groups (group=option):
{groups}

settings of a clip (strongest first: these, the prompt's own, the job's defaults, quality, model):
{settings}

stopping and places:
  run.until=07:00      stop at a time of day        hydra.run.dir=DIR   the run's directory
  run.budget=8h        stop after a duration        store.dir=DIR       artifacts shared by all runs
  run.degrade=any      let another model stand in where one cannot be loaded (strict, safe, any)
  run.metadata=false   leave the recipe (prompt, settings, model) out of the files
  exporter=mp4+gif     several files of each clip; the first is exporter.*, the others also.gif.*

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
    if command == "plan":
        return _plan(rest)
    if command in ("rerun", "verify"):
        return _from_files(command, rest)
    if {"-h", "--help"} & set(rest) or not (rest or command in ("resume", "report")):
        _write_help()
        return 0 if rest else EXIT_USAGE
    if "--version" in rest:
        sys.stdout.write(f"vgpipe {__version__}\n")
        return 0
    if command == "report":
        return _report(rest)
    return _resume(rest) if command == "resume" else _run(rest)


def _doctor(given: list[str]) -> int:
    # Before everything else: it must also run where Hydra is what cannot be imported.
    from vgpipe.doctor.command import doctor

    return doctor(given)


def _plan(given: list[str]) -> int:
    _set_library_environment()
    if not {"-h", "--help"} & set(given):
        _check_versions()
    from vgpipe.commands.plan import plan

    return plan(given)


def _from_files(command: str, given: list[str]) -> int:
    _set_library_environment()
    if not {"-h", "--help"} & set(given):
        _check_versions()
    if command == "rerun":
        from vgpipe.commands.rerun import rerun

        return rerun(given)
    from vgpipe.commands.verify import verify

    return verify(given)


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
    checked = [] if arguments.only_shows else _check_everything(arguments)
    from vgpipe.executor.stop_signal import StopSignal

    roots: list[Path] = []

    def task(config: Config, root: Path) -> int:
        roots.append(root)
        return _start(config, checked, root, stop)

    with StopSignal() as stop:
        codes = run_app(arguments, task, _tell)
    if arguments.is_sweep:
        _compare(roots)
    return max(codes, default=0)


def _compare(roots: Sequence[Path]) -> None:
    """Ends a sweep with the page that compares its runs; one that cannot be written takes nothing from them."""
    from vgpipe.runs.summary import shown_path
    from vgpipe.store.rundir import RunDir

    runs = [run for run in map(RunDir, roots) if run.holds_run()]
    if len(runs) < 2:
        return
    try:
        from vgpipe.report.compare import NAME, build_comparison

        page = build_comparison(runs, Path(os.path.commonpath([run.root.absolute() for run in runs])) / NAME)
    except (ImportError, OSError, VgpipeError) as error:
        _tell(error)
        return
    sys.stdout.write(f"compared in {shown_path(page)}\n")


def _start(config: Config, checked: list[tuple[Config, Ready | VgpipeError]], root: Path, stop: StopSignal) -> int:
    from vgpipe.clips.from_config import request
    from vgpipe.runs.run import ready, start

    # Composed once more by Hydra: a resolver that tells the time may have said something else by now.
    found = next((result for one, result in checked if one == config), None) or ready(config, request(config))
    if isinstance(found, VgpipeError):
        raise found
    return start(found, root, stop)


def _check_everything(arguments: Arguments) -> list[tuple[Config, Ready | VgpipeError]]:
    """Composes every combination, reads its job, opens its model and plans it before the first run directory is made.

    Returns:
        Each config with what will run, or with what kept it from it; the others of a sweep go on.
    """
    from vgpipe.config.load import combinations
    from vgpipe.runs.run import ready

    sweep = combinations(arguments.overrides, arguments.config_dir) if arguments.is_sweep else [arguments.overrides]
    checked: list[tuple[Config, Ready | VgpipeError]] = []
    for config, asked in [_read(combination, arguments) for combination in sweep]:
        try:
            checked.append((config, ready(config, asked)))
        except (ModelError, ConfigError) as error:
            checked.append((config, error))
    failures = [result for _, result in checked if isinstance(result, VgpipeError)]
    if len(failures) == len(checked):
        raise failures[0]
    return checked


def _read(combination: Sequence[str], arguments: Arguments) -> tuple[Config, Request]:
    from vgpipe.clips.from_config import request
    from vgpipe.config.load import load

    try:
        config = load(combination, arguments.config_dir)
        return config, request(config)
    except UsageError as error:
        if arguments.is_sweep:
            raise UsageError(f"{error.headline} (with {' '.join(combination)})", error.faults) from error
        raise


def _resume(arguments: list[str]) -> int:
    # A sweep's directories have "=" in their names.
    if not arguments or not arguments[0] or ("=" in arguments[0] and not Path(arguments[0]).is_dir()):
        raise UsageError("resume takes a run directory -> python -m vgpipe resume outputs/<job>/<date_time>")
    _check_versions()
    _set_library_environment()
    from vgpipe.config.load import load_run_limits
    from vgpipe.executor.stop_signal import StopSignal
    from vgpipe.runs.run import resume

    with StopSignal() as stop:
        return resume(Path(arguments[0]), load_run_limits(arguments[1:]), stop)


def _report(arguments: list[str]) -> int:
    from vgpipe.commands.report import report

    return report(arguments)


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
    from vgpipe.job.declared import set_by
    from vgpipe.job.settings import SetBy

    rows = [_help_row(group, options) for group, options in group_table()]
    settings = [f"  clip.{one.name:<28} {one.setting.meaning}" for one in set_by(SetBy.COMMAND_LINE)]
    sys.stdout.write(HELP.format(groups="\n".join(rows), settings="\n".join(settings)))
