"""Profiles are kept by what can change them, and found again without torch."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests import tiny
from tests.planner.real_runs import bound, spec_of
from vgpipe.models.base import Family
from vgpipe.planner.profile_records import Profile
from vgpipe.planner.profiling import profile, profile_key
from vgpipe.planner.profiling.profile_cache import ProfileCache, cached_profile
from vgpipe.planner.profiling.profile_key import key_of
from vgpipe.user_cache import user_cache_folder

OPTION = "cogvideox_5b_i2v"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """A family on a tiny checkpoint."""
    return bound(OPTION, tiny.build(OPTION, tmp_path_factory.mktemp(OPTION)))


@pytest.fixture(scope="module")
def made(one: Family) -> Profile:
    """Its profile."""
    return profile.profile(one, spec_of(OPTION), "cuda", model="m")


def test_a_profile_comes_back_as_it_was(made, tmp_path):
    kept = ProfileCache(tmp_path)
    kept.put("key", made)
    assert ProfileCache(tmp_path).get("key") == made
    assert kept.get("other") is None


def test_a_profile_of_a_large_model_is_read_in_a_moment(made, tmp_path):
    use = made.stages[1].uses[0]
    many = replace(use, leaves=use.leaves * (1000 // len(use.leaves) + 1))
    large = replace(made, stages=(replace(made.stages[1], uses=(many,)),))
    kept = ProfileCache(tmp_path)
    kept.put("key", large)
    started = time.process_time()
    assert kept.get("key") == large
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 64, None], ids=["empty", "other", "zeros", "a bit"])
def test_a_damaged_entry_is_made_again(one, made, damage, tmp_path, monkeypatch):
    kept, key = ProfileCache(tmp_path), key_of(one, spec_of(OPTION), "cuda")
    kept.put(key, made)
    (path,) = tmp_path.rglob("*.json")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"cuda", b"cudb") if damage is None else damage)
    assert kept.get(key) is None
    monkeypatch.setattr(profile, "profile", lambda *_, **__: made)
    assert cached_profile(one, spec_of(OPTION), "cuda", model="m", cache=kept) == made
    assert path.read_bytes() == whole


def test_a_hit_runs_nothing_and_bears_the_name_that_is_asked_for(one, made, tmp_path, monkeypatch):
    kept = ProfileCache(tmp_path)
    kept.put(key_of(one, spec_of(OPTION), "cuda"), made)
    monkeypatch.setattr(profile, "profile", lambda *_, **__: pytest.fail("it was run"))
    again = cached_profile(one, spec_of(OPTION, num_inference_steps=8, fps=30.0), "cuda", model="n", cache=kept)
    assert (again.model, again.spec.num_inference_steps, again.spec.fps) == ("n", 8, 30.0)
    calls, before = ({use.component: use.calls for use in each.stages[1].uses} for each in (again, made))
    assert calls["transformer"] == before["transformer"]
    assert calls["vae"] * 8 == pytest.approx(before["vae"] * 4) == pytest.approx(1)


def test_the_key_is_of_all_that_can_change_a_profile(one, monkeypatch):
    spec = spec_of(OPTION)

    def settings(**changes):
        return key_of(one.with_settings(replace(one.settings, **changes)), spec, "cuda")

    keys = [
        key_of(one, spec, "cuda"),
        key_of(one, spec, "cpu"),
        key_of(one, replace(spec, width=64), "cuda"),
        key_of(one, replace(spec, num_frames=9), "cuda"),
        key_of(one, replace(spec, from_image=False), "cuda"),
        key_of(one, replace(spec, guidance_scale=1.0), "cuda"),
        settings(dtype="bfloat16"),
        settings(component_dtypes={"vae": "float16"}),
        settings(vae_tiling=True),
        settings(vae_tile_size=64),
        settings(vae_slicing=True),
        settings(attention="sliced"),
        settings(max_sequence_length=16),
        settings(scheduler="CogVideoXDPMScheduler"),
        settings(pipeline_kwargs={"use_dynamic_cfg": True}),
    ]
    monkeypatch.setattr(profile_key, "version", lambda package: "9.9")
    keys.append(key_of(one, spec, "cuda"))
    monkeypatch.undo()
    config = one.checkpoint.config
    monkeypatch.setattr(one.checkpoint, "config", lambda name: {**config(name), "num_layers": 7})
    keys.append(key_of(one, spec, "cuda"))
    assert len(set(keys)) == len(keys)


def test_the_key_is_of_nothing_else(one):
    spec = spec_of(OPTION)
    same = [
        key_of(one, replace(spec, num_inference_steps=9, fps=30.0, guidance_scale=4.0), "cuda"),
        key_of(one.with_settings(replace(one.settings, quantization={"transformer": "int8"})), spec, "cuda"),
        key_of(one.with_settings(replace(one.settings, attention="flash")), spec, "cuda"),
    ]
    assert set(same) == {key_of(one, spec, "cuda")}


def test_a_folder_that_cannot_be_written_only_costs_time(one, made, tmp_path, monkeypatch, caplog):
    (tmp_path / "profiles").write_text("in the way")
    monkeypatch.setattr(profile, "profile", lambda *_, **__: made)
    kept = ProfileCache(tmp_path)
    assert cached_profile(one, spec_of(OPTION), "cuda", model="m", cache=kept) == made
    assert "cannot be cached" in caplog.text


def test_the_folder_is_the_users(monkeypatch):
    monkeypatch.setenv("VGPIPE_CACHE", "/somewhere")
    assert user_cache_folder() == Path("/somewhere")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have folders of their own")
def test_the_default_folder_on_linux_is_the_one_that_older_versions_used(monkeypatch):
    monkeypatch.delenv("VGPIPE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert user_cache_folder() == Path("/cache/vgpipe")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_cache_folder() == Path.home() / ".cache" / "vgpipe"


def test_reading_imports_no_model_library(one, made, tmp_path):
    kept, spec = ProfileCache(tmp_path), spec_of(OPTION)
    kept.put(key_of(one, spec, "cuda"), made)
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.planner.records_only import hit\n"
        f"hit(Path({str(one.checkpoint.folder)!r}), Path({str(tmp_path)!r}))\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
