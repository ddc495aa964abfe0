"""The lists behind `__colour__`: files of the folder `wildcards`, each read once, and the choices of a job's texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vgpipe.job.choices import SAFE_NAME, Choices, Form, Picks, choices_of, resolved
from vgpipe.job.faults import Faults, format_text, nearest
from vgpipe.job.resolving.precedence import ResolvedSetting
from vgpipe.job.source import display
from vgpipe.job.template import places
from vgpipe.outside_file import OutsideFileError, Refusal, read_outside
from vgpipe.units import MIB

FOLDER = "wildcards"
MAX_FILE_MIB = 4
MAX_LISTED = 1_000
MAX_CHARS = 20_000
"""As many as a prompt may have."""
COMMENT = "#"
Report = Callable[[str, str], None]
"""Is given what is wrong and a remedy."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a list: its number in the file, from 1, and its text."""

    number: int
    text: str


class Wildcards:
    """Checks and makes the choices of the texts of a job.

    Args:
        folder: of the job file; its folder `wildcards` is looked in first, then that of the working directory.
        faults: where faults are recorded.
    """

    def __init__(self, folder: Path, faults: Faults):
        self._folders = tuple(dict.fromkeys(one.absolute() / FOLDER for one in (folder, Path())))
        self._faults = faults
        self._lists: dict[str, tuple[str, ...]] = {}
        self._longest: dict[str, int] = {}

    def check(self, setting: ResolvedSetting | None) -> None:
        """Records what is wrong with the choices of a text, and reads the lists that it names."""
        text, form = _text(setting), _form(setting)
        if setting is None or form is None:
            return
        report = _once(lambda what, remedy: setting.add_fault(what, remedy, self._faults))
        _check_braces(text, form, report)
        choices = choices_of(text, form)
        for options in choices.options:
            _check_options(setting.name, options, report)
        for name in choices.lists:
            self._read(name, (), report)
        if self.longest(setting) > MAX_CHARS >= len(text):
            what = f"{setting.name} with its choices made has up to {self.longest(setting):,} characters"
            report(f"{what}; at most {MAX_CHARS:,} are allowed", "shorten the lines of its lists")

    def longest(self, setting: ResolvedSetting) -> int:
        """Returns the most characters that making the choices of a text that was checked may add up to."""
        form = _form(setting)
        return len(_text(setting)) if form is None else self._longest_of(_text(setting), form)

    def has_choices(self, setting: ResolvedSetting) -> bool:
        """Returns whether anything in a text is chosen."""
        form = _form(setting)
        return form is not None and bool(choices_of(_text(setting), form))

    def chosen(self, setting: ResolvedSetting, seed: int) -> ResolvedSetting:
        """Returns a text that was checked with its choices made; its places are still there."""
        text, form = _text(setting), _form(setting)
        if form is None:
            return setting
        made = resolved(text, form, self._lists, Picks(seed, text))
        return setting if made == text else replace(setting, value=made)

    def _longest_of(self, text: str, form: Form) -> int:
        found = choices_of(text, form)
        return len(text) + sum(text.count(f"__{name}__") * self._longest.get(name, 0) for name in found.lists)

    def _read(self, name: str, above: tuple[str, ...], report: Report) -> None:
        """Reads a list and those that it names; one with a fault stays empty."""
        if name in above:
            way = " -> ".join((*above[above.index(name) :], name))
            return report(f"the list {format_text(name)} leads back to itself: {format_text(way)}", "break the circle")
        if name in self._lists:
            return None
        path = self._found(name, report)
        lines = _lines(path, report) if path is not None else ()
        for line in lines:
            for other in _check_line(f"{display(path or Path())}:{line.number}", line.text, report).lists:
                self._read(other, (*above, name), report)
        self._lists[name] = tuple(line.text for line in lines)
        self._longest[name] = max((self._longest_of(line.text, Form.TYPED) for line in lines), default=0)
        return None

    def _found(self, name: str, report: Report) -> Path | None:
        place = f"__{format_text(name)}__"
        literal = f"for the text itself write __{place}__"
        if not SAFE_NAME.fullmatch(name):
            what = f"{place} is not the name of a list: letters, digits, - and _, with / for subfolders"
            report(what, literal)
            return None
        tried = [folder / f"{name}.txt" for folder in self._folders]
        found = next((path for path in tried if path.exists()), None)
        if found is None:
            report(f"{place} has no list; looked for {' and '.join(map(display, tried))}", self._advice(name, literal))
        return found

    def _advice(self, name: str, literal: str) -> str:
        meant = nearest(name, [known for folder in self._folders for known in _names_in(folder)])
        return f"did you mean __{meant}__? Or {literal}" if meant else f"write the file, a line each; or {literal}"


def _text(setting: ResolvedSetting | None) -> str:
    return str(setting.value) if setting is not None else ""


def _form(setting: ResolvedSetting | None) -> Form | None:
    """Returns how a text is read; None where nothing in it is chosen, as in a model's own negative prompt."""
    if setting is None or setting.source.prefix not in ("", "clip."):
        return None
    return Form.OF_JOB if setting.source.in_file else Form.TYPED


def _once(report: Report) -> Report:
    told: set[str] = set()

    def once(what: str, remedy: str) -> None:
        if what not in told:
            told.add(what)
            report(what, remedy)

    return once


def _check_braces(text: str, form: Form, report: Report) -> None:
    """Refuses braces within braces where there is a bar: such alternatives would be read as text."""
    if "|" not in text or "{" not in text:
        return
    left = form.value.sub("", text)
    outer = left[left.find("{") : left.rfind("}") + 1] if "{" in left and "}" in left else ""
    if "|" in outer or (form is Form.OF_JOB and "|" in left and ("{" in left or "}" in left)):
        report("alternatives hold braces of their own", f"put the inner ones into {FOLDER}/NAME.txt and write __NAME__")


def _check_options(field: str, options: Sequence[str], report: Report) -> None:
    shown = format_text("{" + "|".join(options) + "}")
    if "$$" in options[0]:
        report(f"{field} has the alternatives {shown}; exactly one is taken", "write {a|b} once for each that you want")
    elif any("::" in option for option in options):
        remedy = "write an alternative several times to make it likelier: {a|a|b}"
        report(f"{field} has the alternatives {shown}, whose weights are not read", remedy)


def _check_line(where: str, text: str, report: Report) -> Choices:
    from vgpipe.job.schema import TEXT_REMEDY, text_fault

    fault = text_fault(text)
    if fault:
        report(f"{where} {fault}", TEXT_REMEDY)
    for name in places(text):
        report(f"{where} has the place {{{format_text(name)}}}, and only prompts have places", "write the text there")
    choices = choices_of(text, Form.TYPED)
    _check_braces(text, Form.TYPED, report)
    for options in choices.options:
        _check_options(where, options, report)
    return choices


def _lines(path: Path, report: Report) -> tuple[_Line, ...]:
    """Returns the lines of a list; blank ones and those that start with # are skipped."""
    name = display(path)
    try:
        text = read_outside(path, max_bytes=MAX_FILE_MIB * MIB).decode("utf-8-sig")
    except UnicodeDecodeError:
        report(f"{name} is not UTF-8", "save the file as UTF-8")
        return ()
    except OutsideFileError as error:
        too_large = error.refusal is Refusal.TOO_LARGE
        remedy = "split the list" if too_large else "check the path and the file's permissions"
        report(f"{name} cannot be read: {error}", remedy)
        return ()
    lines = [_Line(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    kept = tuple(line for line in lines if line.text and not line.text.startswith(COMMENT))
    if not kept:
        report(f"{name} has no line to choose from", "write at least one text into it; # starts a comment")
    return kept


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.stem for path, _ in zip(sorted(folder.glob("*.txt")), range(MAX_LISTED), strict=False)]
    except OSError:
        return []
