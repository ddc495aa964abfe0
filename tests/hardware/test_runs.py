"""What a run makes of the hardware config, through the command line."""

from __future__ import annotations

import yaml


def test_a_tier_of_another_card_runs_on_the_device_that_is_there(render):
    ran = render("clip.prompt=a small red circle", "hardware=rtx3060_8gb")
    assert ran.code == 0, ran.err
    log = (ran.root / "run.log").read_text()
    assert "computing on " in log and "8.0 GiB" in log and "hardware=rtx3060_8gb sets this limit" in log
    kept = yaml.safe_load((ran.root / "config.yaml").read_text())["hardware"]
    assert (kept["name"], kept["memory_limit_gb"], kept["device"]) == ("rtx3060_8gb", 8.0, "auto")


def test_the_limit_decides_the_strategy(render):
    tight = render(
        "clip.prompt=a small red circle", "hardware=cpu", "hardware.memory_limit_gb=0.0006", "store.dir=tight"
    )
    roomy = render("clip.prompt=a small red circle", "hardware=cpu", "hardware.memory_limit_gb=4", "store.dir=roomy")
    assert "denoise resident" not in (tight.root / "run.log").read_text()
    assert "encode resident, denoise resident, decode resident" in (roomy.root / "run.log").read_text()


def test_a_device_that_is_not_there_is_one_message(render):
    ran = render("clip.prompt=a small red circle", "hardware.device=cuda:99")
    assert ran.code == 2
    assert "hardware.device: 'cuda:99' is not there" in ran.err and "type hardware.device=" in ran.err
    assert "Traceback" not in ran.err
