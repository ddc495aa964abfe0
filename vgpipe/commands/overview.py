"""The help of the whole program. Imports neither Hydra nor a model library: it answers where they are broken."""

from __future__ import annotations

import textwrap

from vgpipe.commands.registry import COMMANDS, DEFAULT
from vgpipe.config.groups import group_table
from vgpipe.job.declared import set_by
from vgpipe.job.settings import SetBy

SYNTAX_WIDTH, NAME_WIDTH, WIDTH = 55, 27, 100
TEXT = """\
vgpipe renders lists of prompts into videos, stage by stage, and never renders finished work again.

usage: python -m vgpipe ...
{usage}

groups (group=option):
{groups}

clip settings (strongest first: command line, the prompt's own, the job's defaults, quality, model):
{settings}

run and output settings:
  pick=[hero,circle]   only these clips of the job     hydra.run.dir=DIR  the run's directory
  run.until=07:00      stop at a time of day           store.dir=DIR      artifacts of all runs
  run.budget=8h        stop after a duration           run.sheet=false    no contact sheet
  run.order=cheapest_first  the clips that take least go first
  run.follow=true      render clips that are appended to the job file meanwhile, too
  run.degrade=any      fall back to another model where one cannot be loaded (strict, safe, any)
  run.plan=advise      try what cannot fit according to the plan (enforce, advise, off)
  run.metadata=false   write no metadata (prompt, settings, model) into the files
  run.name={{prompt}}-{{take}}  names of the files, by a template (docs/running.md)
  run.objective=...    what a search goes by, with hydra/sweeper=optuna (docs/sweeps.md)
  run.on_end=COMMAND   run a command at the end (docs/notify.md)
  notify.on=[end]      when to send messages (end, failure, stall, deadline), to VGPIPE_NOTIFY_URLS
  store.max_gb=50      at the end, free what no run needs beyond that size (docs/store.md)
  exporter=mp4+gif     several files per clip; the first is set by exporter.*, others by also.gif.*

flags:
  -m, --multirun       sweep comma-separated values    -cd, --config-dir DIR   your own options
  --cfg job            show the composed config        -cn, --config-name NAME your own root config
  --info defaults      show where values come from     -sc install=bash         shell completion
  --debug              show tracebacks and what run.log gets
  --version            show the version                --hydra-help            Hydra's other flags
  -h, --help           this text; help COMMAND, or COMMAND --help: that command

your own defaults: ~/.config/vgpipe/config.yaml, keys as in the config, such as quality: quick
more: docs/hydra.md

exit codes: 0 all clips done; 1 finished, some clips failed; 2 bad usage, nothing started;
            3 stopped early, resumable
"""
OF_RUN = (
    (COMMANDS[DEFAULT].usage, COMMANDS[DEFAULT].summary),
    ('clip.prompt="a small red circle moving left"', "render one prompt"),
    ("-m job=prompts.yaml quality=quick,standard", "sweep: one run per combination"),
)
"""The command word `run` may be left out."""


def overview() -> str:
    """Returns the help of the whole program: its commands, the groups and their options, settings, flags."""
    others = [(f"{name} {entry.usage}", entry.summary) for name, entry in COMMANDS.items() if name != DEFAULT]
    usage = [f"  {syntax:<{SYNTAX_WIDTH}} {summary}" for syntax, summary in (*OF_RUN, *others)]
    groups = [_group_row(group, options) for group, options in group_table()]
    settings = [
        f"  clip.{declared.name:<{NAME_WIDTH}} {declared.setting.meaning}" for declared in set_by(SetBy.COMMAND_LINE)
    ]
    return TEXT.format(usage="\n".join(usage), groups="\n".join(groups), settings="\n".join(settings))


def _group_row(group: str, options: tuple[str, ...]) -> str:
    return textwrap.fill(" ".join(options), WIDTH, initial_indent=f"  {group:<9} ", subsequent_indent=" " * 12)
