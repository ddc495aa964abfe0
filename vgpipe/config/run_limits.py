"""The settings of a run that resuming it may change: when it stops, how far it degrades, and where it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from vgpipe.config.executor_schema import AnyExecutor
from vgpipe.config.schema import Config, NotifyConfig, RunConfig
from vgpipe.config.user_defaults import own_setting
from vgpipe.errors import ConfigError, Fault

RESUMABLE = ("run.until=", "run.budget=", "run.degrade=", "run.plan=", "run.order=", "run.follow=", "run.on_end=")
GROUP, KEYS, NOTIFY = "executor=", "executor.", "notify."
DROPPED = ("until", "budget", "on_end")
"""The limits that hold for one attempt alone, and a command that a stranger may have saved."""
Limits = Callable[[Config], Config]


def load_run_limits(overrides: Sequence[str]) -> Limits:
    """Checks the overrides of a resumed run, of which it takes only some of `run.*`, and `executor`.

    Returns:
        A function from the saved config to that of this attempt: the time limits are dropped, and so is `on_end`, since
        the saved config may be a stranger's: only the user's own file has another. All else is kept unless it is given
        again. It raises `ConfigError` for an invalid setting of `executor`, of which the saved config says which there
        are.

    Raises:
        ConfigError: for any other override, and for an invalid value.
    """
    allowed = (*RESUMABLE, NOTIFY, GROUP, KEYS)
    others = [text for text in overrides if not text.startswith(allowed)]
    if others:
        may = f"only {', '.join(f'{name}...' for name in allowed)} may follow"
        fault = Fault(others[0][:80], "a resumed run keeps its settings", may)
        raise ConfigError("invalid command line", [fault])
    limits = [text for text in overrides if text.startswith(RESUMABLE)]
    told = [text for text in overrides if text.startswith(NOTIFY)]
    places = [text for text in overrides if text.startswith((GROUP, KEYS))]
    typed = loaded(limits).run if limits else RunConfig()
    typed = typed if typed.on_end else replace(typed, on_end=own_setting("run", "on_end"))
    given = {text.removeprefix("run.").partition("=")[0] for text in limits}
    kept = [one.name for one in fields(RunConfig) if one.name not in (*DROPPED, *given)]

    def merge(saved: Config) -> Config:
        run = replace(typed, **{name: getattr(saved.run, name) for name in kept})
        executor = _executor(saved.executor, places) if places else saved.executor
        return replace(saved, run=run, executor=executor, notify=_notify(saved.notify, told))

    return merge


def _notify(saved: NotifyConfig, overrides: Sequence[str]) -> NotifyConfig:
    typed = loaded(overrides).notify if overrides else saved
    given = {text.removeprefix(NOTIFY).partition("=")[0] for text in overrides}
    return replace(saved, **{name: getattr(typed, name) for name in given})


def _executor(saved: AnyExecutor, overrides: Sequence[str]) -> AnyExecutor:
    """Returns the saved executor with what was given; another one has its own settings alone."""
    typed = loaded([f"{GROUP}{saved.name}", *overrides] if _keeps_option(overrides) else overrides).executor
    if not _keeps_option(overrides):
        return typed
    given = {text.removeprefix(KEYS).partition("=")[0].partition(".")[0] for text in overrides}
    return replace(saved, **{name: getattr(typed, name) for name in given})


def _keeps_option(overrides: Sequence[str]) -> bool:
    return not any(text.startswith(GROUP) for text in overrides)


def loaded(overrides: Sequence[str]) -> Config:
    """Returns what overrides alone give, without the user's own defaults; the schema's defaults without any.

    Raises:
        ConfigError: where one is invalid.
    """
    # Without overrides nothing is composed: `conf/config.yaml` repeats the schema's defaults, which a test holds.
    from vgpipe.config.load import load
    from vgpipe.config.sources import Defaults, Sources

    return load(overrides, Sources(defaults=Defaults.NONE))
