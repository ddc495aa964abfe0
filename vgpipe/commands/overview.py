"""The help of the whole program. Imports neither Hydra nor a model library: it answers where they are broken."""

from __future__ import annotations

import textwrap

from vgpipe.commands.registry import COMMANDS, DEFAULT
from vgpipe.config.groups import group_table
from vgpipe.job.declared import set_by
from vgpipe.job.settings import SetBy

PROGRAM = "python -m vgpipe"
SYNTAX_WIDTH = 72
TEXT = """\
vgpipe renders lists of prompts into videos, stage by stage, and never renders finished work again.

usage:
{usage}

groups (group=option):
{groups}

clip settings (strongest first: the command line, the prompt's own, the job's defaults, quality, model):
{settings}

run and output settings:
  run.until=07:00      stop at a time of day        hydra.run.dir=DIR   the directory of the run
  run.budget=8h        stop after a duration        store.dir=DIR       artifacts shared by all runs
  run.degrade=any      fall back to another model where one cannot be loaded (strict, safe, any)
  run.metadata=false   write no metadata (prompt, settings, model) into the files
  exporter=mp4+gif     several files per clip; configure the first by exporter.*, the others by also.gif.*

flags:
  -m, --multirun       sweep comma-separated values    --config-dir DIR   a folder with your own options
  --cfg job            show the composed config        --debug            show tracebacks
  --version            show the version                -h, --help         this text; COMMAND --help: that command
  -sc install=bash     complete in the shell           --hydra-help       the other flags of Hydra (docs/hydra.md)

your own defaults: ~/.config/vgpipe/config.yaml, with keys as in the config, such as quality: quick (docs/hydra.md)

exit codes: 0 all clips done; 1 finished, some clips failed; 2 bad usage, nothing started; 3 stopped early, resumable
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
    usage = [f"  {f'{PROGRAM} {syntax}':<{SYNTAX_WIDTH}} {summary}" for syntax, summary in (*OF_RUN, *others)]
    groups = [_group_row(group, options) for group, options in group_table()]
    settings = [f"  clip.{declared.name:<28} {declared.setting.meaning}" for declared in set_by(SetBy.COMMAND_LINE)]
    return TEXT.format(usage="\n".join(usage), groups="\n".join(groups), settings="\n".join(settings))


def _group_row(group: str, options: tuple[str, ...]) -> str:
    return textwrap.fill(" ".join(options), 110, initial_indent=f"  {group:<9} ", subsequent_indent=" " * 12)
