"""Expands the jobs of one run into its clips: those of the first job, then those of the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from vgpipe.errors import Fault, JobError
from vgpipe.job.clip import Clip
from vgpipe.job.reading.several import joined
from vgpipe.job.record import Job
from vgpipe.job.resolving.draws import new_origin
from vgpipe.job.resolving.expand import Expansion, expand
from vgpipe.job.rules import ShapeRules

MAX_NAMED = 3


def expand_all(
    jobs: Sequence[Job],
    *,
    overrides: Mapping[str, object],
    preset: Mapping[str, object],
    reference: Mapping[str, object],
    rules: ShapeRules,
    model: str,
    drawn_from: int | None = None,
) -> Expansion:
    """Expands jobs as `expand` does each of them; a clip that several jobs ask for is made once.

    A clip has the id that it has where its job is rendered alone.

    Args:
        jobs: in the order in which they are rendered; none for a single clip.
        overrides: as for `expand`, and so are the others.
        preset: see there.
        reference: see there.
        rules: see there.
        model: see there.
        drawn_from: see there.

    Returns:
        The clips and notes.

    Raises:
        JobError: with the faults of all jobs; also where they are more than 100,000 clips together.
    """
    found, errors = list[tuple[str, Expansion]](), list[JobError]()
    of_job = partial(
        expand,
        overrides=overrides,
        preset=preset,
        reference=reference,
        rules=rules,
        model=model,
        drawn_from=new_origin() if drawn_from is None else drawn_from,
    )
    if not jobs:
        return of_job(None)
    for job in jobs:
        try:
            found.append((job.source, of_job(job)))
        except JobError as error:
            errors.append(error)
    if errors:
        raise joined(errors)
    return found[0][1] if len(found) == 1 else _merged(found)


def _merged(found: Sequence[tuple[str, Expansion]]) -> Expansion:
    """Returns the clips of several files, each once, and the notes, each with its file."""
    clips: dict[Clip, tuple[str, Clip]] = {}
    jobs = list[str]()
    ids: dict[str, str] = {}
    notes = list[str]()
    for source, expansion in found:
        notes += (note if source in note else f"{source}: {note}" for note in expansion.notes)
        first = {_identity(clip): clip for clip in expansion.clips}
        repeated = {key: clips[key] for key in first if key in clips}
        for key, clip in first.items():
            if key not in clips:
                _refuse_equal_names(clip.id, source, ids)
                clips[key] = (source, clip)
                jobs += expansion.jobs[:1]
        for key, (other, earlier) in repeated.items():
            _refuse_other_contest(earlier, other, first[key], source)
        notes += _repeats(source, list(repeated.values()))
    _refuse_too_many(len(clips))
    drawn_from = next((one.drawn_from for _, one in found if one.drawn_from is not None), None)
    return Expansion(tuple(clip for _, clip in clips.values()), tuple(notes), drawn_from, tuple(jobs))


def _identity(clip: Clip) -> Clip:
    """Returns what two clips share that are the same: all but names, where given files lie, how they were written."""
    images = tuple(replace(one, image="") for one in clip.images)
    nameless = replace(clip, id="", prompt_template=None, contest=None)
    return replace(nameless, image=None, last_image=None, video=None, images=images)


def _repeats(source: str, repeated: Sequence[tuple[str, Clip]]) -> Iterator[str]:
    for other in dict.fromkeys(first for first, _ in repeated):
        names = [clip.id for first, clip in repeated if first == other]
        named = ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED:,} more" * (len(names) > MAX_NAMED))
        yield f"{source} repeats clips of {other} (same prompt, seed and settings): rendered once: {named}"


def _refuse_equal_names(name: str, source: str, ids: dict[str, str]) -> None:
    """Refuses two clips of one name, whose digests are equal by chance."""
    if name in ids:
        what = f"a clip of {ids[name]} has the same name, {name}"
        remedy = "give one of the two an id of its own, or render the jobs one after the other"
        raise JobError("two clips have one name; nothing was started", [Fault(source, what, remedy)])
    ids[name] = source


def _refuse_other_contest(earlier: Clip, first: str, clip: Clip, source: str) -> None:
    """Refuses a clip that competes in one job and not, or with others, in another."""
    if earlier.contest != clip.contest:
        what = f"its clip {clip.id} (seed {clip.seed}) is one of {first} too, outside of its contest"
        remedy = "begin with another seed, or render the jobs one after the other"
        raise JobError("a clip is in two contests; nothing was started", [Fault(source, what, remedy)])


def _refuse_too_many(clips: int) -> None:
    from vgpipe.job.schema import MAX_CLIPS

    if clips > MAX_CLIPS:
        what = f"the jobs make {clips:,} clips together; at most {MAX_CLIPS:,} are allowed"
        raise JobError("too many clips; nothing was started", [Fault("job", what, "render them in several runs")])
