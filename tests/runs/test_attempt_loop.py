"""Which clips are made in which way after a failure of the model, and after pauses."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from vgpipe.clips.clip_state import Status
from vgpipe.errors import LoadError
from vgpipe.runs.attempt_loop import AttemptLoop


@dataclass
class State:
    """A clip, as far as the loop looks at it."""

    id: str
    status: Status = Status.PENDING
    cause: Exception | None = None

    @property
    def requested(self):
        return self.id

    @property
    def is_pending(self):
        return self.status is Status.PENDING

    @property
    def needs_other_loading(self):
        return self.cause is not None

    def stop(self):
        self.status = Status.STOPPED


class Ways:
    """Two ways to load a model; the second makes everything."""

    def __init__(self):
        self.left = ["second"]

    def new_state(self, requested, _way):
        return State(requested)

    def after(self, _cause, states):
        return (self.left.pop(), [State(one.id) for one in states]) if self.left else None


class Stop:
    """A stop that pauses after so many clips, once for each of its numbers."""

    def __init__(self, *after):
        self.after, self.is_paused = list(after), False

    def __call__(self):
        return self.is_paused

    def begin_again(self):
        self.is_paused = False

    def note_clip(self, number):
        if self.after and number >= self.after[0]:
            del self.after[0]
            self.is_paused = True


def played(ids, fails, stop, added=()):
    """Returns the clips that each attempt made, and how all of them ended."""
    made = []

    def executor(way, _states):
        def run(states):
            of_attempt = []
            made.append((way, of_attempt))
            for state in states:
                if not state.is_pending or stop():
                    continue
                is_bad = state.id in fails and way == "first"
                state.status = Status.FAILED if is_bad else Status.DONE
                state.cause = LoadError("no") if is_bad else None
                of_attempt.append(state.id)
                stop.note_clip(sum(len(one) for _, one in made))

        return SimpleNamespace(run=run)

    records = SimpleNamespace(next_attempt=lambda _said: None)
    left = list(added)

    def more(_states, way):
        return (way, [State(left.pop(0))]) if left else None

    loop = AttemptLoop(Ways(), executor, stop, records, lambda _states: None, more)
    ended = loop.make([State(one) for one in ids], "first")
    return made, {state.id: state.status.value for state in ended}


def test_what_a_pause_leaves_is_made_in_the_way_in_which_it_was_being_made():
    made, ended = played("abcd", {"b"}, Stop(2))
    assert set(ended.values()) == {"done"}
    assert made == [("first", ["a", "b"]), ("second", []), ("second", ["b"]), ("first", ["c", "d"])]


def test_a_second_pause_loses_nothing_and_a_run_without_one_takes_one_attempt():
    made, ended = played("abcde", set(), Stop(1, 3))
    assert set(ended.values()) == {"done"}
    assert [one for _, one in made] == [["a"], ["b", "c"], ["d", "e"]]
    assert played("ab", set(), Stop())[0] == [("first", ["a", "b"])]


def test_clips_that_are_added_are_made_after_the_others_in_the_way_that_works_until_none_is_left():
    made, ended = played("ab", {"a"}, Stop(), added="cd")
    assert list(ended.items()) == [(one, "done") for one in "abcd"]
    assert made == [("first", ["a", "b"]), ("second", ["a"]), ("second", ["c"]), ("second", ["d"])]
