"""The logic of benchmarks/compat.py: which runs work, refuse or break, and the table. No venv is made."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from PIL import Image

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def _module(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made  # compat.py finds its table by this name, as a script finds it beside itself
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def table():
    yield _module("compat_table")
    del sys.modules["compat_table"]


@pytest.fixture(scope="module")
def venvs(table):
    yield _module("compat_venvs")
    del sys.modules["compat_venvs"]


@pytest.fixture(scope="module")
def published():
    yield _module("compat_published")
    del sys.modules["compat_published"]


@pytest.fixture(scope="module")
def compat(venvs, published):
    yield _module("compat")
    del sys.modules["compat"]


def record(clip="a", state="done", error=None, degradations=()):
    return {"clip": clip, "state": state, "error": error, "degradations": list(degradations)}


def test_the_matrix_covers_what_it_must(compat, table):
    rows = [dict(row.pins) for row in table.parse_matrix(compat.MATRIX)]
    assert len(rows) >= 8
    assert {"0.35", "0.36", "0.37", "0.42"} <= {row["diffusers"].rpartition(".")[0] for row in rows}
    assert {4, 5} == {Version(row["transformers"]).major for row in rows}
    assert len({row["torch"] for row in rows}) == 2


def test_the_first_row_is_what_ci_tests(compat, table):
    pinned = (BENCHMARKS.parent / "constraints.txt").read_text().split()
    assert all(f"{package}=={version}" in pinned for package, version in table.parse_matrix(compat.MATRIX)[0].pins)


def test_the_lowest_row_is_the_lower_end_of_what_is_asked_for(compat, table):
    lowest = dict(table.parse_matrix(compat.MATRIX)[-1].pins)
    project = tomllib.loads((BENCHMARKS.parent / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["dependencies"]):
        (lower,) = [one.version for one in requirement.specifier if one.operator == ">="]
        found = Version(lowest[requirement.name])
        assert found in requirement.specifier and found.release[: len(Version(lower).release)] == Version(lower).release


def test_a_matrix_holds_comments_and_further_packages(table):
    text = "# newest\ntorch==2.6.0 diffusers==0.36.0 transformers==4.51.3 numpy==1.26.0  # oldest\n\n"
    (row,) = table.parse_matrix(text)
    assert row.pins[-1] == ("numpy", "1.26.0")
    assert row.name == "torch2.6.0-diffusers0.36.0-transformers4.51.3+1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("torch==2.6.0 diffusers==0.36.0", "lacks transformers"),
        ("torch==2.6.0 diffusers>=0.36 transformers==5.0.0", "package==version"),
        ("torch==2.6.0 diffusers== transformers==5.0.0", "package==version"),
        ("torch==2 diffusers==1 transformers==5\n" * 2, "twice"),
    ],
)
def test_a_faulty_matrix_is_refused(table, text, told):
    with pytest.raises(SystemExit, match=told):
        table.parse_matrix(text)


def test_a_finished_run_works(table):
    outcome = table.classify(table.Ran(0, "1 done", "", (record(),)))
    assert (outcome.verdict, outcome.reason) == ("works", "")


def test_a_degraded_run_works_and_says_how(table):
    outcome = table.classify(table.Ran(0, "", "", (record(degradations=["float32 in place of bfloat16"]),)))
    assert (outcome.verdict, outcome.reason) == ("works", "float32 in place of bfloat16")


REFUSAL = """\
Some library warns of something.
vgpipe: the installed packages do not work together; nothing was started (X=1 starts anyway)
  diffusers 0.35.1 + transformers 5.3.0: no pipeline can be imported -> pip install "diffusers>=0.36"
  torch 2.1.0 + numpy 2.0.0: Numpy is not available -> pip install "torch>=2.6"
"""


def test_a_refusal_counts_where_every_fault_names_a_remedy(table):
    outcome = table.classify(table.Ran(2, "", REFUSAL))
    assert outcome.verdict == "refuses"
    assert outcome.reason.startswith("diffusers 0.35.1 + transformers 5.3.0: ") and "torch 2.1.0" in outcome.reason
    assert table.classify(table.Ran(2, "", "vgpipe: no Foo here -> pip install -U bar\n")).verdict == "refuses"


def test_failed_clips_refuse_where_each_reason_names_a_remedy(table):
    good = record("a", "failed", "encode: diffusers has no Foo -> pip install -U diffusers")
    assert table.classify(table.Ran(1, "", "", (good,))).verdict == "refuses"
    outcome = table.classify(table.Ran(1, "", "", (good, record("b", "failed", "denoise: unexpected keyword"))))
    assert (outcome.verdict, outcome.reason) == ("breaks", "names no remedy: denoise: unexpected keyword")


@pytest.mark.parametrize(
    ("code", "err", "records", "told"),
    [
        (-11, "", (), "killed by SIGSEGV"),
        (1, "Traceback (most recent call last):\n  File\nKeyError: 'x'\n", (), "traceback: KeyError: 'x'"),
        (2, "vgpipe: something is wrong\n", (), "names no remedy: something is wrong"),
        (2, REFUSAL.replace(' -> pip install "torch>=2.6"', ""), (), "names no remedy: torch 2.1.0"),
        (2, "", (), "exit code 2: no message"),
        (1, "oh\n", (record(),), "exit code 1: oh"),
        (3, "stopped\n", (record("a", "stopped"),), "exit code 3: stopped"),
        (0, "", (record("a"), record("b", "pending")), "not every clip is done"),
        (0, "", (), "not every clip is done"),
    ],
)
def test_everything_else_breaks_and_says_why(table, code, err, records, told):
    outcome = table.classify(table.Ran(code, "", err, records))
    assert outcome.verdict == "breaks" and told in outcome.reason


def test_wrong_frames_break_a_finished_run(table):
    assert table.classify(table.Ran(0, "", "", (record(),)), "the frames differ").verdict == "breaks"


def test_frames_are_compared_with_the_reference_row(table):
    frames = np.random.default_rng(0).integers(0, 255, (3, 4, 6, 3), "uint8")
    near = frames ^ 1  # one level up or down
    assert table.fault_in({"a": near}, {"a": frames}) == ""
    assert table.fault_in({"a": near}, {}) == ""
    assert "differ" in table.fault_in({"a": frames[::-1]}, {"a": frames})
    assert "(3, 4, 6, 3)" in table.fault_in({"a": frames[:2]}, {"a": frames})
    assert "one colour" in table.fault_in({"a": np.zeros_like(frames)}, {"a": frames})
    assert table.fault_in({}, {"a": frames}) == "there are no frames"


def test_embeddings_and_latents_may_drift_a_little(table):
    tensors = np.random.default_rng(0).normal(size=1000)
    far = np.random.default_rng(1).normal(size=1000)
    reference = {"latents": tensors}
    assert table.drift({"latents": tensors * 1.001}, reference) == ("", "")
    fault, note = table.drift({"latents": tensors + far / 50}, reference)
    assert not fault and "latents are within 5%" in note
    for wrong in (far, tensors * np.nan):
        assert "latents differ" in table.drift({"latents": wrong}, reference)[0]
    assert "(999,)" in table.drift({"latents": tensors[1:]}, reference)[0]
    assert table.drift({"latents": tensors}, {}) == ("", "")
    assert table.classify(table.Ran(0, "", "", (record(),)), "", note).reason == note


PIP = """\
ERROR: Cannot install diffusers==0.42.1 and transformers==4.57.6 because these package versions have conflicts.

The conflict is caused by:
    diffusers 0.42.1 depends on huggingface-hub<3.0 and >=1.32.0
    transformers 4.57.6 depends on huggingface-hub<1.0 and >=0.34.0
    The user requested (constraint) numpy==2.4.6

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io
"""


def test_pips_refusal_is_one_line(table):
    told = table.pip_refusal(PIP)
    assert "diffusers 0.42.1 needs huggingface-hub<3.0 and >=1.32.0" in told and "\n" not in told
    assert told.endswith("numpy==2.4.6 was asked for")
    assert table.pip_refusal("ERROR: No matching distribution for a==1\n") == "pip: No matching distribution for a==1"


def result(outcomes, setup="", **versions):
    pins = [["torch", "2.13.0"], ["diffusers", "0.42.1"], ["transformers", "5.23.0"]]
    return {"pins": pins, "installed": versions, "setup": setup, "outcomes": outcomes}


def test_the_table_shares_its_notes(table):
    good, bad = {"verdict": "works"}, {"verdict": "refuses", "reason": "no Foo -> get it"}
    broken = {"verdict": "breaks", "reason": "traceback: X"}
    results = [
        result({"demo": good, "a": good, "b": bad}, torch="2.13.0+cpu"),
        result({"demo": broken, "a": bad, "b": bad}),
        result({}, setup="pip: no set of versions"),
    ]
    lines = table.markdown(results, {"demo": ["demo"], "family": ["a", "b"]}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:5]]
    assert cells[0][:2] == ["2.13.0+cpu", "0.42.1"]
    assert cells[0][-2:] == ["works", "works 1/2, refuses 1/2 [1]"]
    assert cells[1][-2:] == ["breaks [2]", "refuses [1]"]
    assert cells[2][-2:] == ["refuses [3]", "refuses [3]"]
    assert lines[5:] == ["", "1. no Foo -> get it", "2. traceback: X", "3. pip: no set of versions"]
    assert table.count(results) == {"works": 2, "refuses": 4, "breaks": 1}


def test_a_case_that_was_not_run_is_said_to_be_so(table):
    line = table.markdown([result({"demo": {"verdict": "works"}})], {"demo": ["demo"], "b": ["b"]}).splitlines()[2]
    assert line.endswith("| works | not run |")


def test_a_row_constrains_all_but_what_pip_is_to_resolve(venvs, table):
    (row,) = table.parse_matrix("torch==2.6.0 diffusers==0.36.0 transformers==4.51.3 numpy==1.26.0")
    lines = venvs._constraints(row).split()
    assert {"torch==2.6.0", "numpy==1.26.0", "transformers==4.51.3"} <= set(lines)
    names = [line.partition("==")[0] for line in lines]
    assert len(names) == len(set(names)) and "pydantic" in names
    assert not {"huggingface_hub", "tokenizers", "accelerate"} & set(names)


def test_every_option_has_a_column(compat):
    columns = compat.groups()
    assert columns["demo"] == ["demo"] and "wan21_t2v_1_3b" in columns["wan"]
    assert set(compat.FURTHER) <= {case for cases in columns.values() for case in cases}


def test_what_a_run_left_is_read_and_a_run_that_vanished_breaks(compat, table, tmp_path):
    run = tmp_path / "outputs" / "job" / "now"
    (run / "frames" / "a").mkdir(parents=True)
    Image.new("RGB", (6, 4), (9, 8, 7)).save(run / "frames" / "a" / "000000.png")
    lines = [record("a", "pending"), record("a", "done")]
    (run / "clips.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "out").write_text("done")
    (tmp_path / "err").write_text("")
    assert compat.read_run(tmp_path)[0].code == -9
    (tmp_path / "ended.json").write_text('{"code": 0, "seconds": 1.5}')
    ran, seconds = compat.read_run(tmp_path)
    assert (ran.code, ran.out, seconds) == (0, "done", 1.5) and ran.records == (lines[1],)
    assert {name: frames.shape for name, frames in compat.frames_of(tmp_path).items()} == {"a": (1, 4, 6, 3)}


def test_saved_results_are_shown_without_running_anything(tmp_path):
    (tmp_path / "results").mkdir()
    saved = result({"demo": {"verdict": "breaks", "reason": "traceback: X"}})
    place = tmp_path / "results" / "torch2.13.0-diffusers0.42.1-transformers5.23.0.json"
    place.write_text(json.dumps(saved))
    command = [sys.executable, BENCHMARKS / "compat.py", "--keep", tmp_path, "--saved"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 1 and "1. traceback: X" in ran.stdout and "0 works, 0 refuses, 1 breaks" in ran.stderr
    ran = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert json.loads(ran.stdout) == [saved]


def test_each_case_runs_in_a_process_of_its_own(tmp_path):
    (tmp_path / "a").mkdir()
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"classes": [["json", "no_such"]], "cases": {str(tmp_path / "a"): ["--version"]}}))
    subprocess.run([sys.executable, BENCHMARKS / "compat_inside.py", spec], check=True)
    assert (tmp_path / "a" / "out").read_text().startswith("vgpipe ")
    assert json.loads((tmp_path / "a" / "ended.json").read_text())["code"] == 0


def test_a_published_checkpoint_means_the_same(published, tmp_path):
    import torch
    from transformers import CLIPTextModel, CLIPTokenizer, T5Tokenizer

    from tests.tiny import build

    text = "a small red circle"
    cog, ms = build("cogvideox_5b", tmp_path / "cog"), build("text_to_video_ms", tmp_path / "ms")
    ids = [
        T5Tokenizer.from_pretrained(cog / "tokenizer")(text)["input_ids"],
        CLIPTokenizer.from_pretrained(ms / "tokenizer")(text)["input_ids"],
    ]
    state = CLIPTextModel.from_pretrained(ms / "text_encoder").state_dict()
    for folder in (cog, ms):
        published.as_published(folder)
    assert sorted(path.name for path in (cog / "tokenizer").iterdir()) == ["spiece.model", "tokenizer_config.json"]
    assert not (ms / "tokenizer" / "tokenizer.json").exists()
    assert T5Tokenizer.from_pretrained(cog / "tokenizer")(text)["input_ids"] == ids[0]
    assert CLIPTokenizer.from_pretrained(ms / "tokenizer")(text)["input_ids"] == ids[1]
    again, told = CLIPTextModel.from_pretrained(ms / "text_encoder", output_loading_info=True)
    assert not told["missing_keys"]
    assert all(torch.equal(tensor, state[name]) for name, tensor in again.state_dict().items())


def test_rotary_positions_are_named_as_transformers_4_names_them(published, tmp_path):
    place = tmp_path / "config.json"
    for rope, scaling in (
        ({"rope_theta": 5e5, "rope_type": "default"}, None),
        (
            {"rope_theta": 5e5, "rope_type": "default", "mrope_section": [1]},
            {"rope_type": "default", "mrope_section": [1]},
        ),
    ):
        place.write_text(json.dumps({"hidden_size": 8, "rope_parameters": rope}))
        published._name_rope(place)
        assert json.loads(place.read_text()) == {"hidden_size": 8, "rope_theta": 5e5, "rope_scaling": scaling}
