"""What the shell is told may come next."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from vgpipe.config.completion import candidates


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("vgpipe quality=", ["quality=high", "quality=quick", "quality=standard"]),
        ("vgpipe run quality=s", ["quality=standard"]),
        ("python3 -m vgpipe plan mod", ["model.", "model="]),
        ("/usr/bin/python3.11 -m vgpipe clip.num_i", ["clip.num_inference_steps="]),
        ("vgpipe quality.steps", ["quality.steps_scale="]),
        ("vgpipe exporter=gif exporter.di", ["exporter.dither="]),
        ("vgpipe -m hydra/laun", ["hydra/launcher="]),
        ("vgpipe job=./ni", ["job=./night.yaml"]),
        ("vgpipe --config-dir mine quality=d", ["quality=draft"]),
        ("vgpipe -m quality=quick,high run.de", ["run.degrade="]),
        ("vgpipe resume out", []),
        ("vgpipe --config-dir", []),
    ],
)
def test_groups_options_keys_and_files_are_completed(workdir, line, found):
    (workdir / "mine/quality").mkdir(parents=True)
    (workdir / "mine/quality/draft.yaml").write_text("{}\n")
    (workdir / "night.yaml").write_text("prompts: [a]\n")
    assert candidates(line) == found


def test_a_new_word_may_be_any_group_or_key():
    assert {"quality=", "job=", "clip.", "run."} <= set(candidates("vgpipe clip.seed=3 "))


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("program", ["vgpipe", f"{sys.executable} -m vgpipe"])
def test_bash_completes_the_program_and_the_module(vgpipe, workdir, program):
    """In a real bash, as typing and pressing Tab does; `vgpipe` is a script that calls the module."""
    script = workdir / "bin/vgpipe"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m vgpipe "$@"\n')
    script.chmod(0o755)
    (workdir / "install.sh").write_text(vgpipe("-sc", "install=bash").out)
    function = "hydra_bash_completion" if program == "vgpipe" else "_vgpipe_module_completion"
    code = f"""
        source install.sh
        COMP_LINE="{program} quality=st"; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        {function}; echo "${{COMPREPLY[@]}}"
    """
    environment = os.environ | {"PATH": f"{script.parent}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", code], cwd=workdir, env=environment, capture_output=True, text=True)
    assert ran.stdout == "quality=standard\n", ran.stderr
    assert "complete -r python" in vgpipe("-sc", "uninstall=bash").out
