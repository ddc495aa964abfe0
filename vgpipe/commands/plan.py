"""The command `plan`: forecasts memory, RAM, disk and time of a job."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vgpipe.config.arguments import Arguments, refuse_flags, split
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.errors import UsageError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.plans.as_json import as_json, largest_as_json
from vgpipe.plans.as_text import as_text
from vgpipe.plans.largest import Largest
from vgpipe.plans.matrix import axes, show_matrix
from vgpipe.plans.matrix_text import text_of_largest, text_of_plans
from vgpipe.plans.planning import plan_of
from vgpipe.plans.run_plan import RunPlan
from vgpipe.runs.logs import logging_early
from vgpipe.store.durable import replace_file
from vgpipe.terminal import terminal_width, write, write_line, write_note
from vgpipe.typed import as_typed, shown_path, typed_path

HELP = """\
usage: python -m vgpipe plan [job=prompts.yaml] [group=option ...] [key=value ...]
                             [--verbose] [--json] [--html [FILE]]
       python -m vgpipe plan --why job=prompts.yaml [...] [--json]

Forecasts, before weights are downloaded or loaded, whether a job fits a device and with which
memory strategy, how long it takes, and how much RAM and disk it needs. Without a job: one clip at
the model's reference settings, or clip.*

  plan job=prompts.yaml model=ltx_video_2b                       on this machine
  plan job=prompts.yaml model=ltx_video_2b hardware=rtx3060_8gb  on another card
  plan model=cogvideox_5b memory=leaf_offload                    with one strategy only
  plan model=ltx_video_2b,wan21_t2v_1_3b hardware=all            the largest clip that fits each
  plan model=all hardware=rtx3060_12gb job=prompts.yaml          the same job on every model

  --html [FILE]  also a page (plan.html): memory by stage, and every model on every card
  --verbose      every configuration considered, operations, transfers, reserved memory
  --json         one JSON object on stdout (docs/planning.md)
  --why          instead, of each clip: would it be rendered again, and why (docs/runs.md)

Estimating the memory of a model runs its code on fake tensors, a few seconds per stage, and loads
no weights. The result is kept in ~/.cache/vgpipe (VGPIPE_CACHE=DIR), so that the next plan answers
at once.

exit codes: 0 it fits; 2 it does not fit (the message says what does), or bad usage
"""
FLAGS = ("--json", "--why", "--verbose")
HTML, PAGE, PROGRAM = "--html", "plan.html", "python -m vgpipe"


def main(arguments: Sequence[str]) -> int:
    """Plans what was asked for and writes the plan to stdout, or to a page; progress goes to stderr.

    Args:
        arguments: overrides, and flags.

    Returns:
        The exit code: 0 where everything fits.

    Raises:
        UsageError: for bad usage, an invalid config or job, and, once the plan is written, for what does not fit.
        ModelError: where the model cannot be opened.
        PlanError: where no plan can be made for it.
        StoreError: where the page cannot be written.
    """
    page, others = _page_of(arguments)
    given = _parse([argument for argument in others if argument not in FLAGS])
    wants_json = "--json" in others
    if "--why" in others:
        return _why(given, wants_json=wants_json)
    asked = _Asked(arguments, page, wants_json=wants_json, is_verbose="--verbose" in others)
    models, tiers, rest = axes(given)
    if models is not None or tiers is not None:
        with logging_early(terminal=True):
            return show_matrix(models, tiers, rest, given.sources, show=asked.show_matrix)
    config = load(given.overrides, given.sources)
    with logging_early(terminal=True):
        plan = plan_of(config, deadline=_deadline(config))
    asked.show(plan)
    if plan.refusal is not None:
        raise plan.refusal.error
    return 0


class _Asked:
    """How a plan is to be shown: as text, JSON, or a page beside either.

    Args:
        arguments: of the command line.
        page: where the page is written; None without one.
        wants_json: whether stdout gets JSON.
        is_verbose: whether the text has all that was considered.
    """

    def __init__(self, arguments: Sequence[str], page: Path | None, *, wants_json: bool, is_verbose: bool):
        self._typed = " ".join([f"{PROGRAM} plan", *map(shlex.quote, arguments)])
        self._page, self._wants_json, self._is_verbose = page, wants_json, is_verbose

    def show(self, plan: RunPlan) -> None:
        """Shows the plan of a job on one device."""
        now = datetime.now()
        if self._wants_json:
            write(as_json([plan]))
        else:
            write(as_text(plan, now, terminal_width(), is_verbose=self._is_verbose))
        if self._page is not None:
            from vgpipe.plans.page import page_of_plans

            self._write_page(self._page, page_of_plans([plan], self._typed, now))

    def show_matrix(self, plans: Sequence[RunPlan], found: Sequence[Largest]) -> None:
        """Shows the plans of a job on several devices, or where there is no job the largest clips."""
        if self._wants_json:
            write(as_json(plans) if plans else largest_as_json(found))
        else:
            write(text_of_plans(plans) if plans else text_of_largest(found))
        if self._page is not None:
            from vgpipe.plans.page import page_of_largest, page_of_plans

            now = datetime.now()
            made = page_of_plans(plans, self._typed, now) if plans else page_of_largest(found, self._typed, now)
            self._write_page(self._page, made)

    def _write_page(self, path: Path, text: str) -> None:
        replace_file(path, text.encode())
        told = f"page: {shown_path(path)}"
        if self._wants_json:
            write_note(told)
        else:
            write_line(told)


def _page_of(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Takes `--html` and its file out of a command line; the file may be left out.

    Raises:
        UsageError: for a file that is no page, which would replace something else.
    """
    page, others, left = None, [], list(arguments)
    while left:
        one = left.pop(0)
        if one != HTML and not one.startswith(f"{HTML}="):
            others.append(one)
            continue
        _, equals, name = one.partition("=")
        if not equals:
            name = left.pop(0) if left and "=" not in left[0] and not left[0].startswith("-") else PAGE
        page = Path(name)
    if page is None:
        return None, others
    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(
            f"--html: {str(page)!r} does not end in .html -> {HTML}={typed_path(page.with_suffix('.html'))}"
        )
    if page.is_dir() or not page.absolute().parent.is_dir():
        raise UsageError(f"--html: {str(page)!r} is a folder, or its folder is not there -> {HTML}={PAGE}")
    return page, others


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
