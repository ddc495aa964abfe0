"""Runs all checks concurrently and puts their lines in order."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from vgpipe.doctor import optional, packages
from vgpipe.doctor.encoders import encoder_lines
from vgpipe.doctor.families import Model, model_lines, models
from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.machine import device_lines, memory_lines, worker_lines
from vgpipe.doctor.places import place_lines
from vgpipe.doctor.probes import Answer, ask


def examine(outputs: Path, store: Path) -> list[ReportLine]:
    """Checks this installation and machine; imports libraries only in child processes.

    Args:
        outputs: where runs are written.
        store: where artifacts are kept.

    Returns:
        All lines, in the order of the report.
    """
    known, unread = _models()
    with ThreadPoolExecutor() as pool:
        # The longest first: with two cores it determines the total time.
        pipelines = list(dict.fromkeys(name for model in known for name in model.pipelines or ()))
        diffusers = pool.submit(ask, ["import:diffusers", *(f"pipeline:{name}" for name in pipelines)], chain=True)
        torch = pool.submit(ask, ["import:torch", "torch", "machine", "import:accelerate"], chain=True)
        others = _ask_others(pool)
        places = pool.submit(place_lines, outputs, store)
        encoders = pool.submit(_encoders, others[0])
        answers = _answers([diffusers, torch, *others])
        lines = [*places.result(), *encoders.result()]
    return _ordered([*lines, *unread, *_library_lines(answers), *_model_lines(known, answers)])


def _ask_others(pool: ThreadPoolExecutor) -> list[Future[dict[str, Answer]]]:
    light = [f"import:{module}" for module in packages.LIGHT.values()]
    groups = [[*light, "ffmpeg", "memory"], ["import:transformers"]]
    groups += [[f"import:{one.module}"] for one in optional.present()]
    return [pool.submit(ask, group) for group in groups]


def _encoders(light: Future[dict[str, Answer]]) -> list[ReportLine]:
    return encoder_lines(light.result()["ffmpeg"])


def _answers(asked: Sequence[Future[dict[str, Answer]]]) -> dict[str, Answer]:
    return {question: answer for future in asked for question, answer in future.result().items()}


def _models() -> tuple[list[Model], list[ReportLine]]:
    try:
        return models(), []
    except (OSError, SyntaxError, ValueError) as error:
        text = f"conf/model cannot be read: {error}"
        return [], [ReportLine(Section.MODELS, "models", Status.BROKEN, text, "install vgpipe again")]


def _library_lines(answers: dict[str, Answer]) -> list[ReportLine]:
    imports = {question.partition(":")[2]: answer for question, answer in answers.items() if ":" in question}
    return [
        *packages.package_lines(imports),
        *packages.version_lines(imports["packaging"]),
        *packages.torch_line(answers["torch"]),
        *device_lines(answers["machine"], answers["torch"]),
        *memory_lines(answers["memory"]),
        *worker_lines(answers["machine"], answers["memory"]),
        *optional.optional_lines(imports),
    ]


def _model_lines(known: Sequence[Model], answers: dict[str, Answer]) -> list[ReportLine]:
    found = {name.partition(":")[2]: answer for name, answer in answers.items() if name.startswith("pipeline:")}
    needed = ("torch", "transformers", "diffusers")
    return model_lines(known, found, next((name for name in needed if not answers[f"import:{name}"].ok), None))


def _ordered(lines: Sequence[ReportLine]) -> list[ReportLine]:
    order = list(Section)
    return sorted(lines, key=lambda line: order.index(line.section))
