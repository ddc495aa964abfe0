"""The command `plan`: forecasts memory, RAM, disk and time of a job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vgpipe.config.arguments import Arguments, refuse_flags, split
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.errors import UsageError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.plans.as_json import as_json
from vgpipe.plans.as_text import as_text
from vgpipe.plans.matrix import axes, show_matrix
from vgpipe.plans.planning import plan_of
from vgpipe.runs.logs import logging_early
from vgpipe.terminal import terminal_width, write
from vgpipe.typed import as_typed

HELP = """\
usage: python -m vgpipe plan [job=prompts.yaml] [group=option ...] [key=value ...] [--verbose] [--json]
       python -m vgpipe plan --why job=prompts.yaml [...] [--json]

Forecasts, before weights are downloaded or loaded, whether a job fits a device and with which
memory strategy, how long it takes, and how much RAM and disk it needs. Without a job: one clip at
the model's reference settings, or clip.*

  plan job=prompts.yaml model=ltx_video_2b                       on this machine
  plan job=prompts.yaml model=ltx_video_2b hardware=rtx3060_8gb  on another card
  plan model=cogvideox_5b memory=leaf_offload                    with one strategy only
  plan model=ltx_video_2b,wan21_t2v_1_3b hardware=all            the largest clip that fits each
  plan model=all hardware=rtx3060_12gb job=prompts.yaml          the same job on every model

  --verbose  every configuration that was considered, operations, transfers, reserved memory
  --json     one JSON object on stdout (docs/planning.md)
  --why      instead, of each clip: would it be rendered again, and which input changed (docs/runs.md)

Estimating the memory of a model runs its code on fake tensors, a few seconds per stage, and loads
no weights. The result is kept in ~/.cache/vgpipe (VGPIPE_CACHE=DIR), so that the next plan answers
at once.

exit codes: 0 it fits; 2 it does not fit (the message says what does), or bad usage
"""
FLAGS = ("--json", "--why", "--verbose")


def main(arguments: Sequence[str]) -> int:
    """Plans what was asked for and writes the plan to stdout; progress goes to stderr.

    Args:
        arguments: overrides, `--json` and `--why`.

    Returns:
        The exit code: 0 where everything fits.

    Raises:
        UsageError: for bad usage, an invalid config or job, and, once the plan is written, for what does not fit.
        ModelError: where the model cannot be opened.
        PlanError: where no plan can be made for it.
    """
    wants_json = "--json" in arguments
    given = _parse([argument for argument in arguments if argument not in FLAGS])
    if "--why" in arguments:
        return _why(given, wants_json=wants_json)
    models, tiers, rest = axes(given)
    if models is not None or tiers is not None:
        with logging_early(terminal=True):
            return show_matrix(models, tiers, rest, given.sources, wants_json=wants_json)
    config = load(given.overrides, given.sources)
    with logging_early(terminal=True):
        plan = plan_of(config, deadline=_deadline(config))
    is_verbose = "--verbose" in arguments
    write(as_json([plan]) if wants_json else as_text(plan, datetime.now(), terminal_width(), is_verbose=is_verbose))
    if plan.refusal is not None:
        raise plan.refusal.error
    return 0


def _deadline(config: Config) -> tuple[str, float] | None:
    """Returns the deadline that a run which starts now has, and the seconds until then."""
    token = CancelToken()
    token.set_deadlines(until=config.run.until, budget=config.run.budget)
    found = token.deadline()
    return None if found is None else (found.at, found.left_s)


def _why(given: Arguments, *, wants_json: bool) -> int:
    from vgpipe.commands.why import show
    from vgpipe.runs.ask_why import of_config

    config = load(given.overrides, given.sources)
    with logging_early(terminal=True):
        answers = of_config(config)
    show(answers, wants_json=wants_json)
    return 0


def _parse(arguments: Sequence[str]) -> Arguments:
    given = split(arguments)
    if given.is_sweep:
        remedy = "list models or cards without -m: plan model=a,b hardware=all; plan other settings separately"
        raise UsageError(f"plan takes no sweep -> {remedy}")
    refuse_flags(given)
    words = [override for override in given.overrides if "=" not in override and not override.startswith("~")]
    if words:
        raise UsageError(f"plan takes key=value, not {words[0]!r} -> {as_typed('job', words[0])}, or plan --help")
    return given
