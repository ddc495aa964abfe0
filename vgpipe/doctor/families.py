"""Checks that the installed diffusers has the pipelines of each `conf/model` option."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.probes import Answer

SINCE = Path(__file__).with_name("pipelines.toml")
# Top-level scalars only, because PyYAML may be missing.
FAMILY = re.compile(r"^family:\s*[\"']?([\w.\-]+)", re.MULTILINE)
DEFAULTS = re.compile(r"^defaults:\s*((?:\[.*?\])|(?:\n\s*-.*)+)", re.MULTILINE)
PIPELINE = re.compile(r"[A-Z]\w*Pipeline")


@dataclass(frozen=True, slots=True)
class Model:
    """An option of `conf/model`.

    Attributes:
        option: its file's stem, as in `model=option`.
        family: as in `model.family`.
        pipelines: the stock pipelines that its family uses; None for an unknown family.
    """

    option: str
    family: str
    pipelines: tuple[str, ...] | None


def models() -> list[Model]:
    """Returns every option of `conf/model`, with the pipelines named in its family's file."""
    files = [path for path in sorted(_conf().glob("model/*.yaml")) if not path.stem.startswith("_")]
    modules = _family_modules()
    return [_model(path, modules) for path in files]


def _model(path: Path, modules: Mapping[str, str]) -> Model:
    family = _family(path)
    return Model(path.stem, family, _pipelines(modules[family]) if family in modules else None)


def _family(path: Path, above: tuple[Path, ...] = ()) -> str:
    """Reads `family:`, which an option may inherit from one of its defaults."""
    text = path.read_text(encoding="utf-8")
    if own := FAMILY.search(text):
        return own.group(1)
    listed = DEFAULTS.search(text)
    names = re.findall(r"\w+", listed.group(1)) if listed else []
    others = [path.with_name(f"{name}.yaml") for name in names]
    below = [other for other in others if other.exists() and other not in (path, *above)]
    return next((family for other in below if (family := _family(other, (path, *above)))), "")


def _conf() -> Path:
    spec = importlib.util.find_spec("vgpipe.conf")
    return Path(next(iter(spec.submodule_search_locations or ()))) if spec else Path("conf")


def _family_modules() -> dict[str, str]:
    """Returns family -> module from the registry's source, because importing it may need a missing library."""
    for node in ast.walk(_tree("vgpipe.models.registry")):
        match node:
            case ast.Assign(targets=[ast.Name(id="FAMILIES")], value=ast.Dict() as table):
                named: dict[str, str] = ast.literal_eval(table)
                return {name: target.partition(":")[0] for name, target in named.items()}
    return {}


def _pipelines(module: str) -> tuple[str, ...]:
    """Reads a family's source without importing it, because its libraries may be missing."""
    words = [word for node in ast.walk(_tree(module)) for word in _words(node) if PIPELINE.fullmatch(word)]
    return tuple(dict.fromkeys(words))


def _tree(module: str) -> ast.Module:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return ast.Module([], [])
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _words(node: ast.AST) -> list[str]:
    match node:
        case ast.Constant(value=str(word)) | ast.alias(name=word) | ast.Attribute(attr=word) | ast.Name(id=word):
            return [word]
    return []


def model_lines(found: Sequence[Model], answers: Mapping[str, Answer], broken: str | None = None) -> list[ReportLine]:
    """Returns a line for every option of `conf/model`.

    Args:
        found: from `models()`.
        answers: pipeline -> the answer whether diffusers has it.
        broken: the library that must be repaired before pipelines can be tried.
    """
    since = tomllib.loads(SINCE.read_text(encoding="utf-8"))
    if broken is None:
        return _joined([_line(model, answers, since) for model in found])
    # One line rather than one per model, because one repair is enough.
    text = f"{len(found)} not tried: {broken} does not work"
    return [ReportLine(Section.MODELS, "all models", Status.WARNING, text, f"repair {broken} first")]


def _line(model: Model, answers: Mapping[str, Answer], since: Mapping[str, str]) -> ReportLine:
    if model.pipelines is None:
        found = f"vgpipe has no family {model.family!r}"
        return ReportLine(Section.MODELS, model.option, Status.BROKEN, found, "correct `family:` in its YAML")
    wrong = [name for name in model.pipelines if not answers[name].ok]
    if not wrong:
        named = ", ".join(model.pipelines) or "no pipeline of its own"
        return ReportLine(Section.MODELS, model.option, Status.OK, f"{model.family}: {named}")
    error = answers[wrong[0]].error
    if "has no attribute" in error:
        remedy = f'pip install "diffusers>={since[wrong[0]]}"' if wrong[0] in since else "pip install -U diffusers"
        return ReportLine(Section.MODELS, model.option, Status.BROKEN, f"diffusers lacks {', '.join(wrong)}", remedy)
    return ReportLine(Section.MODELS, model.option, Status.BROKEN, error, "repair the packages above first")


def _joined(lines: Sequence[ReportLine]) -> list[ReportLine]:
    """Joins the lines of models with the same fault into one that names them all."""
    alike = Counter((line.found, line.remedy) for line in lines if line.status is Status.BROKEN)
    joined = [line for line in lines if alike[line.found, line.remedy] < 2]
    for (found, remedy), count in alike.items():
        if count > 1:
            names = ", ".join(line.name for line in lines if (line.found, line.remedy) == (found, remedy))
            joined.append(ReportLine(Section.MODELS, f"{count} models", Status.BROKEN, f"{found} ({names})", remedy))
    return joined
