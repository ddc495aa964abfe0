"""A setting of a clip is declared once: one more field of `ClipSettings` is all that a new one takes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vgpipe.job import settings as declarations
from vgpipe.job.declared import EXCLUSIVE, SETTINGS, names_set_by, spellings
from vgpipe.job.settings import SetBy

MADE_UP = """
    sharpness: Annotated[float, Setting("a made-up setting", SetBy.ANYONE, at_least=0, at_most=10)] = 1.0
"""
BEFORE = "\n\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass LongClipSettings"
# Loads the changed declaration in place of vgpipe.job.settings; every other file is the one that ships.
PRELUDE = """
import importlib.util, json, sys
from dataclasses import asdict
from pathlib import Path

spec = importlib.util.spec_from_file_location("vgpipe.job.settings", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["vgpipe.job.settings"] = module
spec.loader.exec_module(module)

from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import VgpipeError

def clips_of(*overrides):
    return request(load(overrides)).clips

def faults_of(*overrides):
    try:
        clips_of(*overrides)
    except VgpipeError as error:
        return str(error)
"""


@pytest.fixture
def with_made_up(tmp_path):
    """Runs code in a process whose vgpipe has one more field in `ClipSettings`; returns what it prints, from JSON."""
    with open(declarations.__file__, encoding="utf-8") as file:
        source = file.read()
    assert source.count(BEFORE) == 1
    changed = tmp_path / "changed_settings.py"
    changed.write_text(source.replace(BEFORE, MADE_UP + BEFORE))

    def run(code: str):
        command = [sys.executable, "-c", PRELUDE + code, str(changed)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_new_setting_is_read_from_jobs_the_command_line_presets_and_models(with_made_up):
    found = with_made_up("""
Path("a.yaml").write_text("defaults: {sharpness: 3}\\nprompts:\\n- x\\n- {prompt: y, sharpness: 4}\\n")
Path("a.csv").write_text("prompt,sharpness\\nx,5\\ny,\\n")
Path("bad.yaml").write_text("prompts:\\n- x\\n- {prompt: y, sharpness: 11}\\n")
print(json.dumps({
    "unset": [clip.sharpness for clip in clips_of("clip.prompt=x")],
    "yaml": [clip.sharpness for clip in clips_of("job=a.yaml")],
    "csv": [clip.sharpness for clip in clips_of("job=a.csv")],
    "forced": [clip.sharpness for clip in clips_of("job=a.yaml", "clip.sharpness=6")],
    "preset": [clip.sharpness for clip in clips_of("clip.prompt=x", "quality.sharpness=7")],
    "model": [clip.sharpness for clip in clips_of("clip.prompt=x", "model.reference.sharpness=8")],
    "bad_file": faults_of("job=bad.yaml"),
    "bad_typed": faults_of("clip.prompt=x", "clip.sharpness=11"),
    "misspelt": faults_of("clip.prompt=x", "clip.sharpnes=1"),
}))
""")
    assert found["unset"] == [1.0] and found["yaml"] == [3.0, 4.0] and found["csv"] == [5.0, 1.0]
    assert found["forced"] == [6.0, 6.0] and found["preset"] == [7.0] and found["model"] == [8.0]
    assert "bad.yaml:3: sharpness is 11; allowed: a number from 0 to 10" in found["bad_file"]
    assert "clip.sharpness" in found["bad_typed"] and "less than or equal to 10" in found["bad_typed"]
    assert "did you mean clip.sharpness?" in found["misspelt"]


def test_a_new_setting_is_in_records_recipes_commands_and_help(with_made_up):
    found = with_made_up("""
import io, contextlib
from vgpipe.cli import main
from vgpipe.clips.clip_record import clip_of_record, record_of
from vgpipe.clips.clip_state import ClipState
from vgpipe.provenance.recipe import clip_facts
from vgpipe.report.commands import command_line
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.digest import Key
from dataclasses import fields

(clip,), (plain,) = clips_of("clip.prompt=x", "clip.sharpness=2.5"), clips_of("clip.prompt=x")
facts = clip_facts(clip)
keys = {field.name: Key("encode", {}) for field in fields(ClipKeys)}
keys["exports"], keys["later"] = (keys["exports"],), ()
record = record_of(ClipState(clip, [ClipKeys(**keys)]))
older = {name: value for name, value in clip_facts(plain).items() if name != "sharpness"}
with contextlib.redirect_stdout(io.StringIO()) as shown:
    main(["--help"])
print(json.dumps({
    "recipe": facts["sharpness"],
    "record": record["sharpness"],
    "resumed": clip_of_record(record) == clip,
    "read_back": clip_of_record(facts) == clip,
    "older": clip_of_record(older) == plain,
    "command": command_line(record),
    "plain_command": command_line({**asdict(plain), "shots": []}),
    "help": shown.getvalue(),
    "ids": [clip.id, plain.id],
}))
""")
    assert found["recipe"] == found["record"] == 2.5 and found["resumed"]
    assert found["read_back"] and found["older"]
    assert "clip.sharpness=2.5" in found["command"] and "sharpness" not in found["plain_command"]
    assert "clip.sharpness" in found["help"] and "a made-up setting" in found["help"]
    assert found["ids"][0] != found["ids"][1]


def test_a_new_setting_changes_no_id_while_it_is_optional(with_made_up):
    from vgpipe.clips.requested import request
    from vgpipe.config.load import load

    found = with_made_up('print(json.dumps([clip.id for clip in clips_of("clip.prompt=x")]))')
    assert found == [clip.id for clip in request(load(["clip.prompt=x"])).clips]


def test_spellings_of_a_setting_exclude_each_other():
    assert EXCLUSIVE == (("num_frames", "seconds"), ("seed", "seeds"))
    assert spellings("seed") == ("seed", "seeds") and spellings("fps") == ("fps",)


@pytest.mark.parametrize(
    ("source", "without"),
    [
        (SetBy.JOB, {"prompt"}),
        (SetBy.COMMAND_LINE, {"seeds"}),
    ],
)
def test_users_may_set_every_setting(source, without):
    assert set(SETTINGS) - set(names_set_by(source)) == without
