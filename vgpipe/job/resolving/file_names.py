"""Names of the clips' files from a template such as `{index:03d}-{slug}-{seed}` (`run.name`)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from string import Formatter

from vgpipe.errors import Fault, JobError
from vgpipe.job.clip import Clip
from vgpipe.job.faults import format_value, nearest
from vgpipe.job.naming import MAX_STEM_BYTES, is_portable, safe_stem

KEY = "run.name"
NUMBERS = ("index", "take", "seed", "width", "height", "num_frames", "num_inference_steps")
TEXTS = ("slug", "prompt", "id", "model", "job")
FIELDS = (*NUMBERS, *TEXTS)
NUMBER_FORMAT, TEXT_FORMAT = re.compile(r"0?\d{0,2}d?"), re.compile(r"(?:\.\d{1,3})?")
UNIQUE = "add {seed}, {take} or {index} to it"
MAX_SHOWN = 3
# `x` with a second file of one suffix is `x.av1.mp4`, which is the first file of a clip named `x.av1`.
_KIND = re.compile(r"\.[a-z]\w*\Z")


def named(clips: Sequence[Clip], jobs: Sequence[str], template: str) -> tuple[Clip, ...]:
    """Returns the clips with the names that a template gives their files.

    Args:
        clips: all clips of the run, in order.
        jobs: for each, the name of its job.
        template: text with `{field}` and `{field:format}`; nothing else in it is acted on.

    Raises:
        JobError: for an unknown field or format, a name that no file can have, and two clips with one name.
    """
    faults = list(_template_faults(template))
    if not faults:
        takes = Counter[str]()
        stems = [_stem(template, _values(*one, takes)) for one in zip(range(len(clips)), clips, jobs, strict=True)]
        faults = [*_long(clips, stems), *_collisions(clips, stems)]
    if faults:
        raise JobError("the files cannot have these names; nothing was started", faults)
    return tuple(replace(clip, name=stem) for clip, stem in zip(clips, stems, strict=True))


def _values(index: int, clip: Clip, job: str, takes: Counter[str]) -> dict[str, int | str]:
    written = clip.prompt_template or clip.prompt
    take, takes[written] = takes[written], takes[written] + 1
    numbers = {name: int(getattr(clip, name)) for name in NUMBERS[2:]}
    slug = clip.id.rpartition("-")[0]
    texts = {"slug": slug, "prompt": clip.prompt, "id": clip.id, "model": clip.model, "job": job}
    return {"index": index, "take": take, **numbers, **texts}


def _stem(template: str, values: Mapping[str, int | str]) -> str:
    parts = []
    for literal, field, form, _ in Formatter().parse(template):
        parts.append(literal)
        if field is not None:
            parts.append(format(values[field], form or ""))
    return safe_stem("".join(parts))


def _template_faults(template: str) -> Iterator[Fault]:
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        yield Fault(KEY, f"{format_value(template)} has a brace without its other half", "write {{ or }} for a brace")
        return
    for literal, field, form, conversion in parts:
        bad = next((character for character in literal if not is_portable(character)), None)
        if bad is not None:
            yield Fault(
                KEY, f"{format_value(bad)} cannot be part of a file name", "use letters, digits, -, _ and spaces"
            )
        if field is not None:
            yield from _field_faults(field, form or "", conversion)


def _field_faults(field: str, form: str, conversion: str | None) -> Iterator[Fault]:
    if field not in FIELDS:
        meant = nearest(field, FIELDS)
        remedy = f"did you mean {{{meant}}}?" if meant else "use one of them"
        yield Fault(KEY, f"{format_value(field)} is no field; fields are {', '.join(FIELDS)}", remedy)
    elif conversion or not (NUMBER_FORMAT if field in NUMBERS else TEXT_FORMAT).fullmatch(form):
        typed = f"{{{field}{'!' + conversion if conversion else ''}{':' + form if form else ''}}}"
        remedy = (
            f"write {{{field}}} or {{{field}:04d}}" if field in NUMBERS else f"write {{{field}}} or {{{field}:.40}}"
        )
        yield Fault(KEY, f"{format_value(typed)} has a format that is not allowed", remedy)


def _long(clips: Sequence[Clip], stems: Sequence[str]) -> Iterator[Fault]:
    sizes = [(clip, len(stem.encode())) for clip, stem in zip(clips, stems, strict=True)]
    found = [(clip, size) for clip, size in sizes if size > MAX_STEM_BYTES]
    for clip, size in found[:1]:
        more = f", and {len(found) - 1} more are too long" if len(found) > 1 else ""
        what = f"the name of {clip.id} has {size} bytes; at most {MAX_STEM_BYTES} are allowed{more}"
        yield Fault(KEY, what, "use {slug}, or {prompt:.180} for its first 180 characters")


def equal_names(clips: Sequence[Clip], stems: Sequence[str]) -> list[tuple[Clip, Clip, str]]:
    """Returns the pairs of clips whose files would have one name, and the name of the second.

    Args:
        clips: in order.
        stems: the name of each, as a file system compares them.
    """
    first: dict[str, Clip] = {}
    pairs = list[tuple[Clip, Clip, str]]()
    for clip, stem in zip(clips, stems, strict=True):
        if stem in first:
            pairs.append((first[stem], clip, stem))
        first.setdefault(stem, clip)
    for clip, stem in zip(clips, stems, strict=True):
        if (kind := _KIND.search(stem)) and (other := first.get(stem[: kind.start()])):
            pairs.append((other, clip, stem))
    return pairs


def folded(stem: str) -> str:
    """Returns a name as file systems compare it that tell neither case nor composed letters apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", stem).casefold())


def _collisions(clips: Sequence[Clip], stems: Sequence[str]) -> Iterator[Fault]:
    pairs = equal_names(clips, stems)
    for other, clip, stem in pairs[:MAX_SHOWN]:
        yield Fault(KEY, f"{other.id} and {clip.id} would both be named {format_value(stem)}", UNIQUE)
    if len(pairs) > MAX_SHOWN:
        yield Fault(KEY, f"and {len(pairs) - MAX_SHOWN} more pairs", UNIQUE)
