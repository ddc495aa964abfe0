"""The command `plan`: its options, its output, its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vgpipe.config.arguments import Arguments, split
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.errors import UsageError
from vgpipe.plans.as_json import as_json
from vgpipe.plans.as_text import as_text, write
from vgpipe.plans.inputs import clips_to_plan, planned_model
from vgpipe.plans.matrix import axes, show_matrix
from vgpipe.plans.run_plan import RunPlan, make_plan, refuse_what_cannot_fit
from vgpipe.plans.target import target_of
from vgpipe.runs.logs import logging_early

HELP = """\
usage: python -m vgpipe plan [job=prompts.yaml] [group=option ...] [key=value ...] [--json]

Says, before anything is downloaded or loaded, whether a job fits a device, how, how long it takes, and what it needs in
RAM and disk. Without a job: one clip at the model's reference settings, which clip.* changes.

  plan job=prompts.yaml model=ltx_video_2b                       on this machine
  plan job=prompts.yaml model=ltx_video_2b hardware=rtx3060_8gb  on a card you do not have
  plan model=cogvideox_5b memory=leaf_offload                    one strategy alone
  plan model=ltx_video_2b,wan21_t2v_1_3b hardware=all            a table (Markdown): the largest clip that fits each
  plan model=all hardware=rtx3060_12gb job=prompts.yaml          the same job by every model

  --json   one JSON object on stdout (docs/planning.md)

A model is run once without values to be measured, a few seconds a stage; what that shows is kept in ~/.cache/vgpipe
(VGPIPE_CACHE=DIR), and the next plan answers at once.

exit codes: 0 it fits; 2 it does not (the message says what does), or bad usage
"""


def plan(arguments: Sequence[str]) -> int:
    """Plans what was typed and writes the plan to stdout; what it does meanwhile goes to stderr.

    Args:
        arguments: what was typed after `plan`.

    Returns:
        The exit code: 0 where all fits.

    Raises:
        UsageError: for bad usage, a faulty config or job, and, once the plan was written, for what does not fit.
        ModelError: where the model cannot be opened.
        PlanError: where no plan can be made for it.
    """
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(HELP)
        return 0
    wants_json = "--json" in arguments
    given = _checked([argument for argument in arguments if argument != "--json"])
    models, tiers, rest = axes(given)
    if models is not None or tiers is not None:
        with logging_early():
            return show_matrix(models, tiers, rest, given.config_dir, wants_json=wants_json)
    config = load(given.overrides, given.config_dir)
    with logging_early():
        found = plan_of(config)
    write(as_json([found]) if wants_json else as_text(found, datetime.now()))
    refuse_what_cannot_fit(found, config)
    return 0


def plan_of(config: Config) -> RunPlan:
    """Plans the job or clip of a config, on the device that it names.

    Raises:
        UsageError: where the job is faulty or the device is not there.
        ModelError: where the model cannot be opened.
        PlanError: where no plan can be made for it.
    """
    clips, notes = clips_to_plan(config)
    target = target_of(config.hardware, for_run=False, folder=Path(config.store.dir))
    model = planned_model(config, target)
    told = (*notes, *model.notes)
    return make_plan(model.config, model.family, clips, target, download_bytes=model.download_bytes, notes=told)


def _checked(arguments: Sequence[str]) -> Arguments:
    given = split(arguments)
    if given.is_sweep:
        remedy = "list models or cards without -m: plan model=a,b hardware=all; other keys are planned one by one"
        raise UsageError(f"plan takes no sweep -> {remedy}")
    others = [flag for flag in given.flags if not _is_config_dir(flag, given)]
    if others:
        raise UsageError(f"plan does not know {others[0]!r} -> python -m vgpipe plan --help")
    words = [override for override in given.overrides if "=" not in override and not override.startswith("~")]
    if words:
        raise UsageError(f"plan takes key=value, and {words[0]!r} is none -> job={words[0]}, or plan --help")
    return given


def _is_config_dir(flag: str, given: Arguments) -> bool:
    return flag.partition("=")[0] in ("--config-dir", "-cd") or flag == given.config_dir
