"""Models are checked against the installed diffusers without importing their families."""

from __future__ import annotations

import pytest

from vgpipe.doctor import families
from vgpipe.doctor.families import Model, model_lines
from vgpipe.doctor.lines import Status
from vgpipe.doctor.probes import Answer


def test_a_family_is_read_without_being_imported(tmp_path, monkeypatch):
    source = (
        'import sys\nsys.exit("imported")\nclass Family:\n'
        '    """Drives WanPipeline and others."""\n    pipeline = "HunyuanVideo15Pipeline"\n'
        "    def make(self):\n        from diffusers import LTXPipeline\n        return LTXPipeline\n"
    )
    (tmp_path / "some_family.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert set(families._pipelines("some_family")) == {"HunyuanVideo15Pipeline", "LTXPipeline"}


@pytest.mark.parametrize("listed", ["[_base, one, _self_]", "\n  - _base\n  - one\n  - _self_"])
def test_a_family_may_come_from_the_defaults_of_an_option(tmp_path, listed):
    (tmp_path / "_base.yaml").write_text("dtype: auto\n")
    (tmp_path / "one.yaml").write_text("defaults: [_base, _self_]\nname: one\nfamily: wan\n")
    (tmp_path / "two.yaml").write_text(f"defaults: {listed}\nname: two\n")
    assert families._family(tmp_path / "two.yaml") == "wan"
    assert families._family(tmp_path / "_base.yaml") == ""
    (tmp_path / "_base.yaml").write_text("defaults: [two]\n")
    assert families._family(tmp_path / "_base.yaml") == "wan"
    (tmp_path / "one.yaml").write_text("defaults: [two]\n")
    assert families._family(tmp_path / "two.yaml") == ""


@pytest.mark.parametrize(
    ("answer", "found", "remedy"),
    [
        (Answer(ok=True, value=""), "hunyuan: HunyuanVideo15Pipeline", ""),
        (
            Answer(ok=False, error="AttributeError: module diffusers has no attribute HunyuanVideo15Pipeline"),
            "diffusers lacks HunyuanVideo15Pipeline",
            'pip install "diffusers>=0.36"',
        ),
        (Answer(ok=False, error="ImportError: no"), "ImportError: no", "repair the packages"),
    ],
)
def test_a_model_whose_pipeline_is_not_there_names_the_least_version(answer, found, remedy):
    model = Model("hunyuan_video_15", "hunyuan", ("HunyuanVideo15Pipeline",))
    line = model_lines([model], {"HunyuanVideo15Pipeline": answer})[0]
    assert line.found == found and line.remedy.startswith(remedy) and (line.status is Status.OK) == answer.ok


def test_models_are_one_line_where_a_library_is_to_be_repaired_first():
    lines = model_lines([Model("a", "wan", ("WanPipeline",)), Model("b", "wan", ("WanPipeline",))], {}, "torch")
    assert [(line.found, line.remedy) for line in lines] == [("2 not tried: torch does not work", "repair torch first")]


def test_a_fault_that_several_models_share_is_told_once():
    models = [Model(option, "wan", (name,)) for option, name in (("a", "P"), ("b", "Q"), ("c", "R"), ("d", "S"))]
    wrong = Answer(ok=False, error="ImportError: no")
    answers = {"P": wrong, "Q": wrong, "R": Answer(ok=True, value=""), "S": Answer(ok=False, error="other")}
    lines = {line.name: line for line in model_lines(models, answers)}
    assert set(lines) == {"c", "d", "2 models"} and lines["2 models"].found == "ImportError: no (a, b)"


def test_the_registrys_table_is_read_as_it_is():
    from vgpipe.models.registry import FAMILIES

    assert set(families._family_modules()) == set(FAMILIES)


def test_a_model_of_an_unknown_family_is_broken():
    assert model_lines([Model("mine", "sora", None)], {})[0].status is Status.BROKEN


def test_every_pipeline_that_a_family_drives_has_its_least_version():
    import tomllib

    known = tomllib.loads(families.SINCE.read_text())
    named = {name for module in families._family_modules().values() for name in families._pipelines(module)}
    assert named - {"DiffusionPipeline", "AutoPipeline"} <= set(known)
