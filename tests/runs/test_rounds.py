"""Contests of a run: their rounds, what is recorded of them, and the bits of the clips that win."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.clips.test_clip_record import PLAIN
from vgpipe.clips.clip_record import past_record
from vgpipe.clips.clip_state import Status
from vgpipe.clips.contest_state import ContestState, record_of_contest
from vgpipe.job.clip import Contest
from vgpipe.job.segments import work_of
from vgpipe.quality.judges.base import Score
from vgpipe.runs.rounds import Rounds
from vgpipe.runs.steps import Steps
from vgpipe.stages import denoise

FOUR = Contest(name="a0", best_of=4, keep=1, at=(2, 4))
CLIPS = [replace(PLAIN, id=f"a{seed}", seed=seed, num_inference_steps=8, contest=FOUR) for seed in range(4)]
CLIPS.insert(2, replace(PLAIN, id="alone", num_inference_steps=8))
CONTEST = (
    "clip.prompt=a red circle", "clip.best_of=4", "clip.best_of_keep=2", "clip.best_of_at=[1]", "judge.name=adherence",
)  # fmt: skip


class State(SimpleNamespace):
    """A clip, as far as rounds look at it."""

    contest: ContestState | None = None
    score: Score | None = None
    status = Status.PENDING

    @property
    def id(self):
        return self.requested.id

    @property
    def is_made(self):
        return self.status in (Status.DONE, Status.DRAFTED)

    def note_contest(self, contest):
        self.contest = contest


def played(rounds, scores, previous=(), dies_after=10**6):
    """Makes all clips in rounds; returns how far each came, or what was recorded when it died."""
    rounds.remember(CLIPS, {one["clip"]: past_record(one) for one in previous})
    states = {clip.id: _state(clip, rounds) for clip in CLIPS}
    for _ in range(5):
        pending = [state for state in states.values() if state.status is Status.PENDING]
        for state in pending:
            if not dies_after:
                return [_line(one) for one in states.values()]
            dies_after -= 1
            number = scores.get((state.id, state.draft), 0.0)
            state.status = Status.FAILED if number is None else Status.DRAFTED if state.draft else Status.DONE
            state.score = Score("checks", number) if state.status is Status.DRAFTED else None
        further = rounds.advance(list(states.values()))
        states |= {state.id: _state(state.requested, rounds) for state in further}
        if not further:
            break
    return {state.id: (state.status.value, state.draft, *state.notes(state)) for state in states.values()}


def _state(clip, rounds):
    def notes(state):
        note = state.contest.note(FOUR) if state.contest else None
        return [note] if note else []

    state = State(requested=clip, clip=clip, draft=Steps(rounds=rounds).steps_of(clip), notes=notes)
    rounds.mark(state)
    return state


def _line(state):
    score = {"judge": "checks", "number": state.score.number} if state.score else None
    standing = record_of_contest(state.contest) if state.contest else None
    return {
        "clip": state.id, "state": state.status.value, "draft_steps": state.draft, "score": score, "standing": standing,
    }  # fmt: skip


OF_STEP = {2: (3, 1, 4, 2), 4: (6, 0, 5, 0)}
SCORES = {(f"a{seed}", step): score for step, of in OF_STEP.items() for seed, score in enumerate(of)}


def test_the_better_half_goes_on_and_the_others_end_as_drafts_with_a_note():
    assert played(Rounds(), SCORES) == {
        "a0": ("done", None),
        "a1": ("drafted", 2, "best of 4: rank 4 of 4 at step 2: 1, judge checks"),
        "alone": ("done", None),
        "a2": ("drafted", 4, "best of 4: rank 2 of 2 at step 4: 5, judge checks"),
        "a3": ("drafted", 2, "best of 4: rank 3 of 4 at step 2: 2, judge checks"),
    }


def test_a_process_that_dies_anywhere_and_is_resumed_ends_as_one_that_did_not():
    whole = played(Rounds(), SCORES)
    for dies_after in range(8):
        left = played(Rounds(), SCORES, dies_after=dies_after)
        assert played(Rounds(), SCORES, left) == whole, dies_after


def test_where_the_best_fails_in_the_end_the_next_is_finished():
    ended = played(Rounds(), {**SCORES, ("a0", None): None})
    assert [ended[name][:2] for name in ("a0", "a2", "a3")] == [("failed", None), ("done", None), ("drafted", 2)]


def test_the_work_of_later_rounds_is_known_from_the_start():
    rounds = Rounds()
    states = [_state(clip, rounds) for clip in CLIPS]
    # Of four clips one is made from step 2 to its end, step 8, and another to step 4.
    assert rounds.work_ahead(states) == pytest.approx(work_of(CLIPS[0]) * (6 + 2) / 8)
    found = rounds.expected(CLIPS)
    assert {name: (one.judged, one.is_finished) for name, one in found.items()} == {
        "a0": ((2, 4), True), "a1": ((2, 4), False), "a2": ((2,), False), "a3": ((2,), False),
    }  # fmt: skip


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """Names what is denoised from now on."""
    seen: list[str] = []
    for name in ("run", "run_draft"):
        original = getattr(denoise, name)

        def counted(*args, _original=original, _name=name, **kwargs):
            seen.append(_name)
            return _original(*args, **kwargs)

        monkeypatch.setattr(denoise, name, counted)
    return seen


def test_winners_have_the_bits_that_they_have_alone_and_the_same_command_makes_nothing(render, made):
    ran = render(*CONTEST)
    assert ran.code == 0, ran.err
    ended = {record["seed"]: record for record in ran.records()}
    assert made == ["run_draft"] * 4 + ["run"] * 2
    kept = sorted(ended.values(), key=lambda record: -record["standing"]["scores"]["1"])[:2]
    assert [record["state"] for record in kept] == ["done"] * 2
    assert sorted(record["state"] for record in ended.values()) == ["done", "done", "drafted", "drafted"]
    assert all(record["score"]["judge"] == "adherence" for record in ended.values() if record["state"] == "drafted")
    del made[:]
    again = render(*CONTEST)
    assert [record["state"] for record in again.records()] == [record["state"] for record in ran.records()]
    assert not made
    alone = render("clip.prompt=a red circle", f"clip.seed={kept[0]['seed']}", "store.dir=other")
    (own,) = alone.records()
    assert own["contest"] is own["standing"] is None and own["clip"] == kept[0]["clip"]
    files = [root.joinpath(one["files"]["mp4"]).read_bytes() for root, one in ((ran.root, kept[0]), (alone.root, own))]
    assert files[0] == files[1] and own["artifacts"] == kept[0]["artifacts"]
