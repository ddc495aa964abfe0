"""Documents, docstrings, comments and messages say things in the field's plain terms.

`python tests/test_words.py [PATH ...]` lists every place that does not, with the plain form.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CLEAN = (
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Makefile", "docs", "jobs"),
    *("vgpipe", "conf", "examples", "benchmarks", "training"),
)

SUFFIXES = (".md", ".py", ".yaml", ".toml", ".js", ".html", ".css", ".svg")
VENDORED = ("vendor", "__pycache__")
BLANKS = re.compile(r"[ \t]+")
BARE_NAME = re.compile(r"\w+")  # a string of one word is a key of a file format, not prose

# Pattern (any case; a space matches any white space, line ends included) -> plain form.
PHRASES = {
    r"(go|goes|went|gone|going) on": "resume, continue",
    r"where it was(?!\s+(?:not|planned))": "at the last checkpoint",
    r"to the same bits": "bit-identical",
    r"says? it is, once more": "re-render from embedded metadata",
    r"once more": "again",
    r"still makes (it|them)": "check reproducibility",
    r"what is wrong (on|with) this machine": "diagnose this machine and suggest fixes",
    r"without values": "on fake tensors, loads no weights",
    r"(MiB|GiB|GB) may be used": "12 GB usable",
    r"RAM unknown, not checked": "RAM not checked",
    r"VAE whole|whole VAE": "VAE untiled",
    r"weights native": "no quantization",
    r"beside each other": "side by side, comparing",
    r"are in all of them": "shared by all runs",
    r"this page follows": "live",
    r"once more stops at once|twice stops at once": "press again to stop immediately",
    r"(?<!there\s)is no (command|option|key|file|folder|checkpoint|number|safetensors|text|image)": "is not a, unknown",
    r"faulty": "invalid",
    r"nothing sets": "no ... given",
    r"the (least|most) (is|are)": "must be at least, at most",
    r"what plays": "hover to play",
    r"flip-?book": "played frame by frame",
    r"nobody'?s": "does not trigger a fallback",
    r"(is|are|was) tried in (their|its) place": "fallback",
    r"(stand|stands|stood|standing) in": "fallback, replacement, placeholder",
    r"stand-?ins?": "fallback, replacement, placeholder",
    r"analytic eye": "rule-based detector",
    r"(\d+|all|over all|of all|some|several|many) goes": "attempts",
    r"(runs|stores|records|files|notes) (of|from) before": "made by older versions",
    r"what it trusts": "security model",
    r"the house|floors?(?!\s?[=.:(_`])": "architecture, layers",
    r"proved, and not|proven, and not": "tested and untested",
    r"rungs?": "fallback step",
    r"(let|lets|letting) go": "releases",
    r"fewer bits": "lower precision",
    r"(seconds|minutes|steps|frames|MiB|GiB|bytes|bits|ms|s) an? (clip|frame|step|weight|segment|value)"
    r"(?!\s+(?:has|had|needs|makes))": "per",
    r"told": "reported, said",
    r"(take|takes|took|taken|taking) up": "accepted, adopted, resumed",
    r"anew": "again, from scratch",
    r"made otherwise": "with other settings",
    r"makes? (no|some) news": "no updates",
}
PATTERNS = [
    (re.compile(r"(?<![\w`])(?:" + phrase.replace(" ", r"[\s#*/>]+") + r")(?!\w)", re.IGNORECASE), plain)
    for phrase, plain in PHRASES.items()
]


def files(places: tuple[str, ...]) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        found = [path] if path.is_file() or not path.is_dir() else sorted(path.rglob("*"))
        yield from (one for one in found if is_checked(one))


def is_checked(path: Path) -> bool:
    named = path.suffix in SUFFIXES or path.name == "Makefile"
    return named and path != Path(__file__) and not set(VENDORED) & set(path.parts)


def prose(path: Path) -> str:
    """Returns the text of a file; of Python only comments and strings, each at its place, all else blank."""
    text = path.read_text("utf-8")
    return python_prose(text) if path.suffix == ".py" else text


def python_prose(text: str) -> str:
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    kept = [character if character == "\n" else " " for character in text]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in PROSE or (token.type == tokenize.STRING and is_key(token.string)):
            continue
        start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
        kept[start:end] = without_expressions(token)
    return "".join(kept)


PROSE = {
    number
    for name in ("COMMENT", "STRING", "FSTRING_MIDDLE")  # the last from Python 3.12 on
    if (number := getattr(tokenize, name, None)) is not None
}


def is_key(string: str) -> bool:
    return BARE_NAME.fullmatch(string.lstrip("rbfRBF").strip("'\"")) is not None


def without_expressions(token: tokenize.TokenInfo) -> str:
    """Blanks the expressions of an f-string, and the quotes, so that adjacent strings read as one."""
    string = token.string
    if token.type != tokenize.STRING:
        return string
    prefix = string[: len(string) - len(string.lstrip("rbfuRBFU"))]
    if "f" in prefix.lower():
        string = re.sub(r"\{[^{}\n]*\}", lambda found: " x".ljust(len(found[0])) if len(found[0]) > 2 else "xx", string)
    return " " * len(prefix) + re.sub(r"^['\"]+|['\"]+$", lambda found: " " * len(found[0]), string[len(prefix) :])


def hits(text: str) -> Iterator[tuple[int, str, str]]:
    """Yields line, phrase and plain form."""
    for pattern, plain in PATTERNS:
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, " ".join(found[0].split()), plain


def listed(path: Path) -> list[str]:
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    text = BLANKS.sub(" ", prose(path))  # where code stood; patterns would step through each
    return [f"{where}:{line}: {phrase!r} -> {plain}" for line, phrase, plain in sorted(hits(text))]


@pytest.mark.parametrize("path", list(files(CLEAN)), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_speaks_plainly(path):
    assert not listed(path)


def test_the_help_speaks_plainly():
    said = subprocess.run([sys.executable, "-m", "vgpipe", "--help"], capture_output=True, text=True, check=True)
    assert not list(hits(said.stdout))


def test_the_clean_places_exist():
    assert [place for place in CLEAN if not (ROOT / place).exists()] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It goes on where\nit was.", {"goes on", "where it was"}),
        ("a clip is taken\n# up", {"taken # up"}),
        ("2 s a frame", {"s a frame"}),
        ("`hardware.floor.num_frames` is the MemoryRung; math.floor(x)", set()),
        ("the clip resumes with bit-identical output", set()),
    ],
)
def test_a_phrase_is_found_across_lines(text, found):
    assert {phrase for _, phrase, _ in hits(text)} == found


def test_of_python_only_prose_is_read():
    text = 'told = rung["told"]  # told here\nraise X(f"it is {told} that "\n  "rung is over")\n'
    assert [(line, phrase) for line, phrase, _ in hits(python_prose(text))] == [(3, "rung"), (1, "told")]


def main() -> int:
    places = tuple(sys.argv[1:]) or CLEAN
    found = [line for path in files(places) for line in listed(path)]
    sys.stdout.write("\n".join([*found, f"{len(found)} found", ""]))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
