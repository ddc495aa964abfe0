from __future__ import annotations

import pytest

from tests.garbage.scene import Scene


@pytest.fixture
def scene(workdir):
    return Scene(workdir)


def test_a_dry_run_shows_what_goes_and_removes_nothing(scene, vgpipe):
    scene.make("gone", "denoise", "decode", "checkpoint")
    scene.run("film/1", {})
    shown = vgpipe("gc", "--dry-run")
    assert shown.code == 0 and "nothing was removed" in shown.out and all(scene.has("gone", "denoise", "decode"))
    assert [line.split()[0] for line in shown.out.splitlines()[1:6]] == [
        "kind",
        "checkpoints",
        "frames",
        "latents",
        "notes",
    ]
    done = vgpipe("gc", f"store.dir={scene.store.root}")
    assert (
        done.code == 0
        and "freed 0.0 MiB: 1 checkpoints" in done.out
        and not any(scene.has("gone", "denoise", "decode"))
    )
    assert "nothing to free" in vgpipe("gc").out


def test_a_limit_says_what_must_be_made_again_and_what_is_left(scene, vgpipe):
    scene.make("left", "denoise", "export")
    scene.run("film/1", {"left": "stopped"})
    ran = vgpipe("gc", "--max-gb", "0")
    assert "unfinished runs lose: 1 latents (made again by denoising)" in ran.out
    assert "that kept runs or running processes need" in ran.err and scene.has("left", "export") == [True]


def test_a_run_that_cannot_be_looked_at_is_named_until_it_is_forgotten(scene, vgpipe, monkeypatch, tmp_path):
    scene.make("gone", "denoise")
    scene.run(str(tmp_path / "far" / "1"), {}).clips.unlink()
    (tmp_path / "far" / "1" / "config.yaml").unlink()
    (tmp_path / "far" / "1").rmdir()
    monkeypatch.setattr("vgpipe.store.run_list.socket.gethostname", lambda: "other")
    assert f"nobody can tell what {tmp_path}/far/1 needs" in vgpipe("gc").out and all(scene.has("gone", "denoise"))
    assert vgpipe("gc", "--forget", tmp_path / "far" / "1").code == 0 and not any(scene.has("gone", "denoise"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--keep-days", "soon"], "--keep-days: 'soon' must be a number of at least 0"),
        (["--max-gb=-1"], "--max-gb: '-1'"),
        (["--max-gb"], "--max-gb takes a value"),
        (["--all"], "unknown argument '--all'"),
        (["job=x.yaml"], "'job=x.yaml' has no use here"),
        (["nowhere"], "'nowhere' must be a folder with runs"),
        (["store.dir=nowhere"], "there is no store at"),
        (["--forget", "x"], "lists no such run"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_type(scene, vgpipe, arguments, says):
    scene.run("film/1", {})
    ran = vgpipe("gc", *arguments)
    assert ran.code == 2 and says in ran.err and "->" in ran.err


def test_verify_store_names_what_is_damaged(scene, vgpipe):
    scene.make("clip", "denoise", "export")
    scene.make("draft", "preview", "score")
    scene.run("film/1", {})
    assert vgpipe("verify", "--store").code == 0
    for stage in ("preview", "score"):
        (scene.path("draft", stage) / "data").write_bytes(b"z")
        assert f"damaged  {stage}" in vgpipe("verify", "--store").out
    (scene.path("clip", "denoise") / "data").write_bytes(b"y" * 500)
    ran = vgpipe("verify", "--store")
    assert ran.code == 1 and "damaged  denoise" in ran.out and "2 artifacts checked" in ran.out
    assert vgpipe("verify", "--store", "--json").out == '{"checked": 1, "bytes": 900, "damaged": 0}\n'
    assert vgpipe("verify", "--store", "x.mp4").code == 2
