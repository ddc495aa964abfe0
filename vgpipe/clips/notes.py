"""What a user should know of a clip that is no degradation: it was made as asked, but not all of that has an effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.exporters.soundtrack import sound_notes
from vgpipe.job.audio import has_sound
from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.models.text_reader import Cut, Form, TextReading
from vgpipe.units import counted

PROMPT, NEGATIVE = "prompt", "negative prompt"
MAX_LINES = 5
"""Notes that are shown one by one where people read; a job of thousands may have thousands."""
MAX_NAMED = 3
"""Clips that a note is shown with."""
Noted = tuple[str, Sequence[str]]
"""A clip's id and its notes."""


def notes_of_settings(clip: Clip, family: Family, reference_negative: str = "") -> tuple[str, ...]:
    """Returns what the settings of a clip alone tell, a sentence each.

    Args:
        clip: what to make.
        family: drives the model that makes it.
        reference_negative: the negative prompt of the model's reference settings, of which nothing is said.
    """
    asked = clip.negative_prompt.strip()
    if not asked or asked == reference_negative.strip():
        return ()
    obstacle = family.negative_prompt_obstacle(clip.guidance_scale)
    return (f"the negative prompt has no effect: {obstacle}",) if obstacle else ()


def notes_of_sound(clip: Clip, kinds: Sequence[str], *, makes_sound: bool) -> tuple[str, ...]:
    """Returns which files of a clip with sound hold none, a sentence each.

    Args:
        clip: what to make.
        kinds: of its files.
        makes_sound: whether its model makes sound.
    """
    return sound_notes(kinds) if has_sound(clip, makes_sound=makes_sound) else ()


class TextNotes:
    """What of the texts of clips the model does not read, as notes.

    Args:
        family: drives the model.
        known: text -> reading, of texts that are cut.
    """

    def __init__(self, family: Family, known: Mapping[str, TextReading] | None = None):
        self._family = family
        self._known = dict(known or {})
        self._first: dict[str, tuple[str, str]] = {}

    @property
    def known(self) -> Mapping[str, TextReading]:
        """Text -> reading, of texts that are cut, as far as they are known."""
        return self._known

    def learn(self, text: str, reading: TextReading | None) -> None:
        """Takes in what was seen of a text while it was encoded; what was counted before stays."""
        if reading is not None and reading.cuts:
            self._known.setdefault(text, reading)

    def note(self, state: ClipState) -> tuple[str, ...]:
        """Notes what is known of a clip's texts; clips that share what is read of them refer to the first.

        Returns:
            The notes that it did not have yet.
        """
        new = tuple(note for note in self.of(state.requested) if note not in state.text_notes)
        if new:
            state.note_texts((*state.text_notes, *new))
        return new

    def of(self, clip: Clip) -> list[str]:
        """Returns what is known of a clip's texts, a sentence each."""
        found = []
        for role, text in self._texts(clip):
            reading = self._known.get(text)
            if reading is None:
                continue
            found += [f"{role}: {self._told(cut, reading.readers)}" for cut in reading.cuts]
            other = self._same(clip, text, reading.same) if role != NEGATIVE else None
            if other:
                found.append(f"{role}: the model gets the same text as for {other}; the two differ only in what is cut")
        return found

    def _texts(self, clip: Clip) -> list[tuple[str, str]]:
        shots = [(f"prompt of shot {number}", shot.prompt) for number, shot in enumerate(clip.shots, 1)]
        uses_negative = self._family.uses_negative_prompt(clip.guidance_scale)
        negative = [(NEGATIVE, clip.negative_prompt)] if uses_negative else []
        return [*(shots or [(PROMPT, clip.prompt)]), *negative]

    def _told(self, cut: Cut, readers: int) -> str:
        name = f"{cut.tokenizer} ({self._family.checkpoint.class_name(cut.tokenizer)})" if readers > 1 else "the model"
        of = "tokens of its quoted parts" if cut.form is Form.QUOTED else "tokens"
        return f'{name} reads {cut.read} of {cut.of} {of}; cut from {cut.place} on: "{cut.rest}"'

    def _same(self, clip: Clip, text: str, same: str) -> str | None:
        """Returns the first clip with another text of which the model reads the same."""
        if not same:
            return None
        known, name = self._first.setdefault(same, (text, clip.id))
        return name if known != text else None


def texts_of_clips(clips: Iterable[Clip]) -> set[str]:
    """Returns every text that clips have."""
    found: set[str] = set()
    for clip in clips:
        found.update((clip.prompt, clip.negative_prompt, *(shot.prompt for shot in clip.shots)))
    return found


def noted_lines(clips: Iterable[Noted]) -> list[str]:
    """Returns every note once, behind the names of the clips that it is of.

    Args:
        clips: in job order.
    """
    names_of: dict[str, list[str]] = defaultdict(list)
    for name, notes in clips:
        for note in notes:
            names_of[note].append(name)
    return [f"{_named(names)}: {note}" for note, names in names_of.items()]


def _named(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {counted(more, 'more clip')}" if more > 0 else "")
