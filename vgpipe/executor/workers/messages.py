"""What the driver of a run and its workers send each other: small frozen records, which travel as pickles.

A clip travels as it was resolved, with no artifact: a worker finds those in its store under their keys. Pickles only
ever go between processes that vgpipe or Ray itself has started for one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

from vgpipe.clips.degradation import Degradation
from vgpipe.config.schema import Config
from vgpipe.fallback.history import PastFallback
from vgpipe.fallback.loading_steps import LoadPlan
from vgpipe.job.clip import Clip
from vgpipe.models.text_reader import TextReading
from vgpipe.plans.worker_plan import WorkerPlan
from vgpipe.quality.verdict import Verdict
from vgpipe.store.digest import Key


class Fit(IntEnum):
    """Whether a device holds a kind of clip, as far as the plan for it says; a larger value is better."""

    NOT = 0
    DEGRADED = 1
    """Only with settings that change the bits: tiles, lower precision."""
    AS_ASKED = 2


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a worker foresees for a kind of clip on its device.

    Attributes:
        fit: whether it holds it.
        seconds: of one clip, the middle of the forecast; None where nothing is known.
    """

    fit: Fit
    seconds: float | None = None


# What the driver sends.


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker needs to know before its first clip.

    Attributes:
        worker: its name in logs, events and the report.
        config: the whole config; `hardware.device` and `store.dir` are those of this worker, paths are absolute.
        load_plan: how the model is loaded.
        plan: the driver's plan; None where the worker plans for its own device.
        run_root: the run directory, which only the driver writes; names the run in marks of work.
        samples: one clip of each kind that the job has.
        texts: text -> reading, of texts that are cut.
        family_digest: of the model's files, as the driver sees them; a worker that sees others is refused.
        denoise_threads: CPU threads of denoising, which a trial has proved to keep the bits; None leaves them.
    """

    worker: str
    config: Config
    load_plan: LoadPlan
    plan: WorkerPlan | None
    run_root: str
    samples: tuple[Clip, ...] = ()
    texts: Mapping[str, TextReading] = field(default_factory=dict)
    family_digest: str = ""
    denoise_threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One clip to make, or one canary.

    Attributes:
        clip: what to make, before any fallback of a worker.
        requested: what the user asked for.
        degradations: those that it has already.
        setting_notes: what its settings alone tell.
        text_notes: what is known of its texts.
        represents_steps: of a canary, the steps of the clips that it represents; None for a clip of the job.
        draft: the steps after which it stops; None where it is made to the end.
    """

    clip: Clip
    requested: Clip
    degradations: tuple[Degradation, ...] = ()
    setting_notes: tuple[str, ...] = ()
    text_notes: tuple[str, ...] = ()
    represents_steps: int | None = None
    draft: int | None = None


@dataclass(frozen=True, slots=True)
class HandOut:
    """Clips to take through all stages together; answered by a `ClipEnded` for each, and by `HandOutEnded`.

    Attributes:
        number: of the hand-out, from 1.
        items: the clips.
    """

    number: int
    items: tuple[WorkItem, ...]


@dataclass(frozen=True, slots=True)
class Tune:
    """Asks for a trial of thread counts with canaries of every shape; answered by `Tuned`."""

    items: tuple[WorkItem, ...]


@dataclass(frozen=True, slots=True)
class UseThreads:
    """Sets the CPU threads of denoising, which a trial has proved to keep the bits."""

    count: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The answer to `Claim`: whether the worker is to make the artifact, rather than find it in its store."""

    digest: str
    is_yours: bool


@dataclass(frozen=True, slots=True)
class StopNow:
    """Asks for an orderly stop: the worker saves a checkpoint, and answers `HandOutEnded`."""

    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """Ends the worker once it has nothing to do."""


ToWorker = HandOut | Tune | UseThreads | Granted | StopNow | End


# What a worker sends.


class FailureKind(Enum):
    """What a failure is to the driver."""

    OTHER = "other"
    LOADING = "loading"
    """Another way to load the model may help (`LoadError`)."""
    PRECISION = "precision"
    MEMORY = "memory"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a clip failed.

    Attributes:
        kind: which error it was.
        message: its text alone.
        detail: the component of a loading failure, the stage of an overflow; else empty.
    """

    kind: FailureKind
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The worker has opened the model and planned, and takes clips.

    Attributes:
        device: name of its device, as its driver calls it.
        host: name of its machine.
        pid: its process.
        memory_gb: usable memory of the device, GiB; for a CPU, RAM. None where unknown.
        versions: package -> version, vgpipe's own included.
        foreseen: for each of `WorkerSettings.samples`, in order.
        family_digest: of the model's files, as the worker sees them.
        conditions: what trials depend on beside store keys, as plain values (`past_trials.conditions_of`).
    """

    device: str
    host: str
    pid: int
    memory_gb: float | None
    versions: Mapping[str, str]
    foreseen: tuple[Foreseen, ...] = ()
    family_digest: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unable:
    """The worker cannot take clips, and ends.

    Attributes:
        reason: why, for people.
        failure: the error behind it, where another way to load the model may help.
    """

    reason: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for run.log.

    Attributes:
        logger: its logger.
        level: of `logging`.
        text: formatted.
        at_s: when it was logged, UNIX seconds.
    """

    logger: str
    level: int
    text: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Event:
    """A line for events.jsonl."""

    kind: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Began:
    """What the worker does from now on: a stage of a clip, or what else takes time; an empty stage: nothing.

    Attributes:
        stage: a stage, `importing libraries`, `download` or `thread tuning`.
        clip: for which clip, canary or component.
        segment: number from 1 of a segment of a long clip, and how many it has.
        is_canary: whether it is no part of the job's own work.
    """

    stage: str
    clip: str = ""
    segment: tuple[int, int] | None = None
    is_canary: bool = False


@dataclass(frozen=True, slots=True)
class LoadsPart:
    """Which component is loaded now; an empty name: that it is there."""

    part: str


@dataclass(frozen=True, slots=True)
class StepDone:
    """Denoising steps, or bytes of a download, that are done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class PieceDone:
    """One finished piece of work of a stage.

    Attributes:
        stage: which.
        seconds: what it took.
        name: the clip's id or the text's digest.
        typical_s: of a piece of a canary, what it takes for an ordinary clip; None for a piece of the job's own work.
    """

    stage: str
    seconds: float
    name: str
    typical_s: float | None = None


@dataclass(frozen=True, slots=True)
class PieceDropped:
    """A piece of a stage that will not be done, since its clip failed."""

    stage: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Asks whether an artifact that several clips share is to be made here; answered by `Granted`."""

    key: Key


@dataclass(frozen=True, slots=True)
class Made:
    """The end of what was claimed; where it is not in the store, somebody else may try."""

    digest: str
    is_there: bool = True


class Ending(Enum):
    """How a clip of a hand-out ended in a worker."""

    DONE = "done"
    """Also where what was asked for is a draft."""
    FAILED = "failed"
    STOPPED = "stopped"
    """Not finished, for a reason that is not the clip's; what is done of it is in the store."""
    GIVEN_BACK = "given back"
    """The same, and not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipEnded:
    """The end of one clip or canary of a hand-out; whatever it needs was sent, or is in the shared store, before.

    Attributes:
        clip: the id of the clip or canary.
        ending: how it ended.
        made: how it was made: size, settings of the stages that were not done as asked, degradations.
        is_reused: whether the store had its files under the settings that memory requires.
        text_notes: what the model does not read of its texts.
        degradations: those that hold for the whole clip.
        segment_degradations: those of each segment.
        seconds: stage -> seconds.
        segment_seconds: the same for each segment.
        peak_ram_gb: largest peak of the worker, GiB.
        peak_vram_gb: the same for its GPU; None without one.
        predicted_peak_gb: largest peak that the plan for the device predicts, GiB; None without a plan.
        verdicts: what the checks say of its frames; None where nothing was judged.
        is_rejected: whether it failed because a check did.
        error: why it failed, as the user reads it; "" where it did not.
        failure: the error behind it, where another way to load the model may help.
    """

    clip: str
    ending: Ending
    made: PastFallback
    is_reused: bool = False
    text_notes: tuple[str, ...] = ()
    degradations: tuple[Degradation, ...] = ()
    segment_degradations: tuple[tuple[Degradation, ...], ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    segment_seconds: tuple[Mapping[str, float], ...] = ()
    peak_ram_gb: float | None = None
    peak_vram_gb: float | None = None
    predicted_peak_gb: float | None = None
    verdicts: tuple[Verdict, ...] | None = None
    is_rejected: bool = False
    error: str = ""
    failure: Failure | None = None


class Why(Enum):
    """Why a worker takes no more clips for now."""

    IDLE = "it has made all that it was handed"
    ASKED = "the driver asked it to stop"
    LEAVING = "its process or its node is being ended"
    DISK = "its disk takes no more"


@dataclass(frozen=True, slots=True)
class HandOutEnded:
    """The model stages of a hand-out have ended; the exports of its last clips may still run.

    Attributes:
        number: of the hand-out; 0 where the worker had none.
        why: whether more can be handed out.
        reason: the same for people; "" where it can.
        wave_load_s: seconds that every further wave spends on loading.
    """

    number: int = 0
    why: Why = Why.IDLE
    reason: str = ""
    wave_load_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a trial of thread counts found, on a CPU.

    Attributes:
        seconds: thread count -> seconds of the trial, of those that give the same bits as all threads.
    """

    seconds: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Died:
    """The worker is gone; sent by its pool.

    Attributes:
        reason: how it ended, for people: `killed by SIGKILL`, `node 10.0.0.2 is gone`, `cannot be started: ...`.
        by_memory: whether the system says that it was killed for want of memory.
        is_place_gone: whether no worker can be started in its place: the node is gone.
    """

    reason: str
    by_memory: bool = False
    is_place_gone: bool = False


FromWorker = (
    Ready
    | LogLine
    | Event
    | Began
    | LoadsPart
    | StepDone
    | PieceDone
    | PieceDropped
    | Claim
    | Made
    | Unable
    | ClipEnded
    | HandOutEnded
    | Tuned
    | Died
)
