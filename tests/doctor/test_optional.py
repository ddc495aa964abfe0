"""Lines about optional packages."""

from __future__ import annotations

from vgpipe.doctor import optional
from vgpipe.doctor.lines import Status
from vgpipe.doctor.optional import optional_lines
from vgpipe.doctor.probes import Answer


def test_optional_packages_say_what_for_and_how(monkeypatch):
    monkeypatch.setattr(optional, "installed", lambda names: {"peft": "0.18"} if "peft" in names else {})
    lines = {line.name: line for line in optional_lines({"peft": Answer(ok=False, error="ImportError: x")})}
    assert lines["peft"].status is Status.WARNING and "ImportError: x" in lines["peft"].found
    assert lines["gguf"].status is Status.ABSENT and lines["gguf"].remedy == 'pip install "gguf>=0.10"'
    assert lines["hydra-optuna-sweeper"].remedy == 'pip install "hydra-optuna-sweeper<1.4"'
