"""A store that is lost while a run uses it."""

from __future__ import annotations

import shutil
from pathlib import Path

from vgpipe.stages import decode, export

OPTIONS = ("clip.prompt=a red circle", "executor.canary=false", "hydra.run.dir=run", "run.plan=off", "exporter=frames")
STORE = Path("outputs/.store")


def losing(monkeypatch, module, lose):
    """Loses the store when a stage begins its work, the first time."""
    work, lost = module.run, []

    def run(*arguments, **options):
        if not lost:
            lost.append(lose())
        return work(*arguments, **options)

    monkeypatch.setattr(module, "run", run)
    return lost


def test_what_is_deleted_is_made_again(render, workdir, monkeypatch):
    lost = losing(monkeypatch, export, lambda: shutil.rmtree(STORE))
    ran = render(*OPTIONS)
    assert lost and ran.code == 0, ran.err
    assert "vanished" in ran.err or "made again" in ran.err


def test_a_store_that_is_no_longer_there_stops_the_run_rather_than_fail_every_clip(render, workdir, monkeypatch):
    """As where a network disk goes away: a file lies in its place."""

    def lose():
        shutil.rmtree(STORE)
        STORE.touch()

    losing(monkeypatch, decode, lose)
    ran = render(*OPTIONS)
    assert ran.code == 3 and "can no longer be written" in ran.err and "python -m vgpipe resume run" in ran.err
    STORE.unlink()
    assert render(*OPTIONS).code == 0
