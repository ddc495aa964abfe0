"""Which pipeline classes of the installed diffusers make videos, and how vgpipe treats each: writes docs/pipelines.md.

    python benchmarks/pipeline_classes.py

The classes are those that diffusers exports whose call takes a number of frames or whose output is a video; of modular
pipelines, those whose blocks give videos. Everything is read from the sources of diffusers and of vgpipe; no model
library is imported. `tests/test_pipeline_classes.py` compares the page with what this makes.
"""

from __future__ import annotations

import ast
import csv
import importlib.metadata
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.manifest import outline_of
from vgpipe.models.families.generic import refusal
from vgpipe.models.families.generic_base import FRAME_COUNTS, SOUND_OUTPUTS
from vgpipe.models.pipeline.stock_inputs import LAST_IMAGE, NEVER, OPTIONAL
from vgpipe.models.pipeline.stock_modules import class_files
from vgpipe.models.pipeline.stock_source import StockSource, read_source
from vgpipe.models.registry import FAMILIES

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "benchmarks" / "generic_pipelines.csv"
PAGE = ROOT / "docs" / "pipelines.md"
VIDEOS = ("frames", "video", "videos")
MAY_BE_VIDEO = re.compile(rf"\b({'|'.join((*FRAME_COUNTS, *VIDEOS))})\b *[:=]")
"""What the file of a pipeline that makes videos has; the others are not parsed."""
OF_BLOCKS = re.compile(r'"videos"')
NAMED, STAGED, WHOLE, REFUSED = "named", "staged", "whole", "refused"
MODULAR = "its blocks have no one call (`modular_model_index.json`)"

HEAD = """\
# Pipeline classes of diffusers

Every class that diffusers {version} exports whose call takes a number of frames or gives a video, and how vgpipe treats
it. `python benchmarks/pipeline_classes.py` makes this page from the sources of diffusers and vgpipe, and a test fails
where it is no longer true. {count} pipelines: {counts}.

* **named**: an option of [models.md](models.md) has a family for it, with its own tests.
* **staged**: `model=generic model.id=...` drives it stage by stage: each component is loaded for its stage alone, a
  stopped clip resumes at its last step, drafts work.
* **whole**: `model=generic` makes the stock call in one piece, for the reason given: everything is loaded at once, and
  a stopped clip begins again.
* **refused**: the reason is the message. What a call needs beside a text and images (videos, masks, poses) cannot be
  given to `generic`.

**Run** says of which a tiny random checkpoint was run with `generic` beside the stock call, with equal frames (and
sound, and of staged ones latents, resumed after every step too): `python -m benchmarks.generic_pipelines`.

Text, image and last image are what a clip can be given; in brackets where it can do without. `generic` reads that from
the call, too: a missing image is refused when the job is checked. `model.rules.image` overrides it.

| class | takes | gives | treated | by, or why | run |
| --- | --- | --- | --- | --- | --- |
"""
MODULAR_HEAD = """
## Modular pipelines

{count} classes whose blocks give videos: {counts}.

| class | treated | by, or why |
| --- | --- | --- |
"""


@dataclass(frozen=True)
class Row:
    """One class.

    Attributes:
        name: of the class.
        takes: what a clip gives it.
        gives: what it gives.
        treated: `named`, `staged`, `whole` or `refused`.
        reason: which options and family, or why.
        run: whether a tiny checkpoint was run, and what it showed.
    """

    name: str
    takes: str
    gives: str
    treated: str
    reason: str
    run: str

    def line(self) -> str:
        """Returns its line of the table."""
        return f"| `{self.name}` | {self.takes} | {self.gives} | {self.treated} | {self.reason} | {self.run} |"


def page() -> str:
    """Returns the page for the installed diffusers."""
    rows, modular = list(pipelines()), list(modular_pipelines())
    version = importlib.metadata.version("diffusers")
    head = HEAD.format(version=version, count=len(rows), counts=_counts([row.treated for row in rows]))
    end = MODULAR_HEAD.format(count=len(modular), counts=_counts([treated for _, treated, _ in modular]))
    lines = [f"| `{name}` | {treated} | {reason} |" for name, treated, reason in modular]
    return "\n".join([head + "\n".join(row.line() for row in rows), end + "\n".join(lines), ""])


def pipelines() -> Iterator[Row]:
    """Yields the pipelines that make videos, sorted by name."""
    for name, path in sorted(class_files().items()):
        if name not in _exported("Pipeline") or not MAY_BE_VIDEO.search(path.read_text("utf-8")):
            continue
        try:
            source = read_source(name)
        except ModelError:  # a base class, without a call of its own
            continue
        if set(FRAME_COUNTS) & set(source.arguments) or set(VIDEOS) & set(source.outputs):
            yield _row(source)


def modular_pipelines() -> Iterator[tuple[str, str, str]]:
    """Yields name, treatment and reason of the modular pipelines whose blocks give videos, sorted by name."""
    exported = _exported("ModularPipeline")
    for folder in sorted(path for path in (_diffusers() / "modular_pipelines").iterdir() if path.is_dir()):
        texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.py"))]
        if any(OF_BLOCKS.search(text) for text in texts):
            found = {name for text in texts for name in re.findall(r"^class (\w+)", text, re.MULTILINE)}
            for name in sorted(found & exported):
                by = _named_by(name)
                yield (name, NAMED, by) if by else (name, REFUSED, MODULAR)


def _row(source: StockSource) -> Row:
    by, why = _named_by(source.name), refusal(source)
    if by:
        treated, reason = NAMED, by
    elif why:
        treated, reason = REFUSED, why
    elif source.obstacle:
        treated, reason = WHOLE, source.obstacle
    else:
        treated, reason = STAGED, ""
    if treated in (STAGED, WHOLE) and source.packages:
        reason = "; ".join(filter(None, [reason, f"needs the package {', '.join(source.packages)}"]))
    sound = " and sound" if set(SOUND_OUTPUTS) & set(source.outputs) else ""
    return Row(source.name, _takes(source), f"frames{sound}", treated, reason, _runs().get(source.name, ""))


def _takes(source: StockSource) -> str:
    found = ["text"] if "prompt" in source.arguments else []
    if source.image != NEVER:
        found.append("(image)" if source.image == OPTIONAL else "image")
    found += ["(last image)"] if LAST_IMAGE in source.arguments else []
    return ", ".join(found)


def _named_by(name: str) -> str:
    """Returns the family and the options that name a class; empty where none does."""
    options = [option for option, made in _indexed().items() if made == name]
    families = [family for family, names in _of_families().items() if name in names]
    told = []
    for family in dict.fromkeys([*families, *(_families_of_options()[option] for option in options)]):
        own = [option for option in options if _families_of_options()[option] == family]
        own = own or [option for option, of in _families_of_options().items() if of == family]
        told.append(f"family `{family}`: {', '.join(f'`{option}`' for option in own)}")
    return "; ".join(told)


@cache
def _runs() -> Mapping[str, str]:
    """Returns class -> what generic_pipelines.py saw of it: `equal`, or `other` where anything was not."""
    with RUNS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row.pop("name"): "other" if "other" in row.values() else "equal" for row in rows}


@cache
def _of_families() -> Mapping[str, frozenset[str]]:
    """Returns family -> the texts in its file, the names of its classes in diffusers among them."""
    files = {name: place.partition(":")[0] for name, place in FAMILIES.items() if not name.startswith("generic")}
    return {name: _texts_in(ROOT.joinpath(*module.split(".")).with_suffix(".py")) for name, module in files.items()}


def _texts_in(path: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@cache
def _indexed() -> Mapping[str, str]:
    """Returns option -> the pipeline class that its checkpoint's index names."""
    outlines = {path.stem: outline_of(path.stem) or {} for path in sorted((ROOT / "conf/components").glob("*.json"))}
    return {name: str(one["index"].get("_class_name")) for name, one in outlines.items()}


@cache
def _families_of_options() -> Mapping[str, str]:
    found = {
        path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted((ROOT / "conf/model").glob("*.yaml"))
    }
    return {name: one["family"] for name, one in found.items() if "family" in one}


@cache
def _exported(suffix: str) -> set[str]:
    text = (_diffusers() / "__init__.py").read_text("utf-8")
    return {name for name in re.findall(r'"(\w+)"', text) if name.endswith(suffix)}


def _diffusers() -> Path:
    spec = importlib.util.find_spec("diffusers")
    if spec is None or spec.origin is None:
        raise SystemExit("diffusers is not installed")
    return Path(spec.origin).parent


def _counts(treated: list[str]) -> str:
    counts = Counter(treated)
    return ", ".join(f"{counts[kind]} {kind}" for kind in (NAMED, STAGED, WHOLE, REFUSED) if counts[kind])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
