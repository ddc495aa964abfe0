"""What a run made, as records: read from its directory, whoever made it and when."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgpipe.clips.degradation import Degradation
from vgpipe.job.clip import Clip
from vgpipe.outside_file import expanded
from vgpipe.report.values import float_of, int_of, list_of, seconds_of, table_of, text_of
from vgpipe.runs.exit_codes import EXIT_DONE, EXIT_STOPPED, exit_code_of
from vgpipe.store.rundir import RunDir

if TYPE_CHECKING:
    import pandas

DONE, DRAFTED, STATES = "done", "drafted", ("pending", "done", "drafted", "failed", "stopped")
SETTINGS = tuple(one.name for one in fields(Clip) if one.name != "id")
FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipResult:
    """One clip of a run.

    Attributes:
        id: the stem of its files.
        state: `done`, `drafted`, `failed`, `stopped` or `pending`; the latter two can be resumed, a draft continued.
        prompt: what it shows.
        settings: every setting that it was asked for, by the names of the job file, and its model.
        files: kind -> absolute path: `mp4`, `frames` (a folder), `sheet`, `poster`, ...
        seconds: stage -> seconds.
        degradations: what was done that nobody asked for.
        notes: what a user should know of it that is no degradation, a sentence each: what of its texts the model does
            not read, a negative prompt without effect.
        measures: of its frames, by name; empty where nothing was measured.
        peak_ram_gb: largest peak of RAM, GiB; None where it was not measured.
        peak_vram_gb: the same for the GPU.
        is_reused: whether all its files came from the store.
        error: why it failed or stopped; None where it did not.
        draft_steps: the steps after which it stops; `files` are then those of its preview. None of a clip that is made
            to the end.
        score: what the judge of the run says of its preview, the higher the better; None where nothing was judged.
    """

    id: str
    state: str
    prompt: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    degradations: tuple[Degradation, ...] = ()
    notes: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    peak_ram_gb: float | None = None
    peak_vram_gb: float | None = None
    is_reused: bool = False
    error: str | None = None
    draft_steps: int | None = None
    score: float | None = None

    @property
    def ok(self) -> bool:
        """Whether it is done."""
        return self.state == DONE

    @property
    def is_drafted(self) -> bool:
        """Whether its preview is there, and it can be continued."""
        return self.state == DRAFTED

    def to_dict(self) -> dict[str, Any]:
        """Returns it as flat values: a row of `Run.to_pandas`."""
        return {
            "clip": self.id,
            "state": self.state,
            "prompt": self.prompt,
            **self.settings,
            "seconds": sum(self.seconds.values()) if self.seconds else None,
            **{f"seconds_{stage}": seconds for stage, seconds in self.seconds.items()},
            "peak_ram_gb": self.peak_ram_gb,
            "peak_vram_gb": self.peak_vram_gb,
            **self.measures,
            "reused": self.is_reused,
            "draft_steps": self.draft_steps,
            "score": self.score,
            "degradations": "; ".join(map(str, self.degradations)),
            "notes": "; ".join(self.notes),
            "error": self.error,
            **{f"file_{kind}": str(path) for kind, path in self.files.items()},
        }

    def _repr_html_(self) -> str:
        from vgpipe.api.html import clip_html

        return clip_html(self)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Run:
    """A run: its directory and its clips.

    Attributes:
        root: the run directory, absolute.
        clips: in job order.
        stopped_by: why it stopped early; empty where it did not.
    """

    root: Path
    clips: tuple[ClipResult, ...]
    stopped_by: str = ""

    def __repr__(self) -> str:
        return f"<Run {str(self.root)!r}: {self.summary}>"

    @property
    def summary(self) -> str:
        """How many clips are in each state: `2 done, 1 failed`."""
        states = [clip.state for clip in self.clips]
        return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no clips"

    @property
    def ok(self) -> bool:
        """Whether all clips are done, or drafted where drafts were asked for."""
        return self.exit_code == EXIT_DONE

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0 all clips done or drafted, 1 some failed, 3 some are left: resume them."""
        return exit_code_of(clip.state for clip in self.clips)

    @property
    def drafts(self) -> tuple[ClipResult, ...]:
        """The clips of which only the preview is made; `vgpipe.continue_run` finishes them."""
        return tuple(clip for clip in self.clips if clip.is_drafted)

    @property
    def report(self) -> Path | None:
        """The page of the run; None where there is none."""
        page = RunDir(self.root).report
        return page if page.is_file() else None

    @property
    def resume_command(self) -> str | None:
        """The command that finishes it, for a POSIX shell; None where nothing is left."""
        return f"python -m vgpipe resume {shlex.quote(str(self.root))}" if self.exit_code == EXIT_STOPPED else None

    def to_pandas(self) -> pandas.DataFrame:
        """Returns a table with a row for each clip.

        Its columns are `clip`, `state`, the settings, `file_<kind>`, `seconds` and `seconds_<stage>`, `peak_ram_gb`,
        `peak_vram_gb`, the measures of the frames, `reused`, `draft_steps`, `score`, `degradations`, `notes` and
        `error`.

        Raises:
            UsageError: where pandas is not installed.
        """
        from vgpipe.api.tables import frame_of

        return frame_of([clip.to_dict() for clip in self.clips])

    def _repr_html_(self) -> str:
        from vgpipe.api.html import run_html

        return run_html(self)


def read_run(path: str | Path) -> Run:
    """Reads a run of any time, finished or not; also one that another process is still making.

    Args:
        path: its directory, the one with clips.jsonl in it.

    Raises:
        UsageError: where it holds no run.
    """
    run_dir = RunDir(expanded(path).absolute())
    clips = tuple(_clip(record, run_dir) for record in run_dir.read_clips(warn=False))
    run = Run(root=run_dir.root, clips=clips)
    if run.exit_code != EXIT_STOPPED:
        return run
    return Run(root=run.root, clips=clips, stopped_by=_stopped_by(run_dir.read_events()))


def _stopped_by(events: Sequence[Mapping[str, Any]]) -> str:
    """Returns why the last attempt at a run ended; empty where it has not, or was killed."""
    ends = [one for one in events if one.get("event") in ("run_started", "run_ended")]
    reason = text_of(ends[-1].get("reason")) if ends else None
    return "" if reason in (None, FINISHED) else str(reason)


def _clip(record: Mapping[str, Any], run_dir: RunDir) -> ClipResult:
    files = {kind: run_dir.path_of(path) for kind, path in table_of(record.get("files")).items()}
    measures = {name: float_of(value) for name, value in table_of(record.get("measures")).items()}
    return ClipResult(
        id=record["clip"],
        state=state if (state := record.get("state")) in STATES else "pending",
        prompt=str(record.get("prompt") or ""),
        settings={name: record[name] for name in SETTINGS if name in record},
        files={kind: path for kind, path in files.items() if path is not None},
        seconds=seconds_of(record.get("seconds")),
        degradations=tuple(_degradation(table_of(one)) for one in list_of(record.get("degradations"))),
        notes=tuple(text for one in list_of(record.get("notes")) if (text := text_of(one))),
        measures={name: value for name, value in measures.items() if value is not None},
        peak_ram_gb=float_of(record.get("peak_ram_gb")),
        peak_vram_gb=float_of(record.get("peak_vram_gb")),
        is_reused=record.get("reused") is True,
        error=text_of(record.get("error")),
        draft_steps=int_of(record.get("draft_steps")),
        score=float_of(table_of(record.get("score")).get("number")),
    )


def _degradation(values: Mapping[str, Any]) -> Degradation:
    kind, asked, got, reason = (text_of(values.get(name)) or "" for name in ("kind", "asked", "got", "reason"))
    return Degradation(kind, asked, got, reason, text_of(values.get("stage")))
