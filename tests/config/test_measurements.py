import json
from dataclasses import asdict, replace

import pytest

from vgpipe.config.groups import builtin_conf
from vgpipe.config.load import load
from vgpipe.config.measurements import Bounds, MeasuredSetting, Measurement, Source, find, identity_of, path_of

SHAPE = (64, 64, 17)


def measurement(model, made="2026-01-01", shape=SHAPE, **more):
    width, height, num_frames = shape
    settings = [("steps=2", 2, 1, 0.0), ("steps=6", 6, 3, 0.8), ("steps=9", 9, 4, 0.9), ("steps=20", 20, 10, 1.0)]
    return Measurement(
        version=1, model=model.name, identity=identity_of(model), width=width, height=height, num_frames=num_frames,
        full="steps=20", baseline="steps=2", measure="SSIM to the full run", prompts=8, made=made, device="cpu",
        settings=tuple(
            MeasuredSetting(
                name=name, quality={"num_inference_steps": steps}, seconds=seconds, speed_up=10 / seconds,
                kept=Bounds(mean=low + 0.05, low=low, high=low + 0.1),
            )
            for name, steps, seconds, low in settings
        ),
        **more,
    )  # fmt: skip


def remember(found):
    path = path_of(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(found)))
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def model():
    return load(["hardware=cpu", "model.loras=[{id: own.safetensors}]"]).model  # nothing ships for it


def test_a_measurement_of_this_machine_is_found(model):
    assert find(model, SHAPE) is None
    remember(measurement(model))
    found = find(model, SHAPE)
    assert found and found.source is Source.MACHINE and found.measurement == measurement(model)


def test_the_wanted_shape_goes_before_the_last_measured(model):
    remember(measurement(model))
    remember(measurement(model, made="2026-02-01", shape=(32, 32, 17)))
    assert [find(model, shape).measurement.width for shape in (SHAPE, (32, 32, 17), (128, 128, 5))] == [64, 32, 32]


def test_another_model_has_none(model):
    remember(measurement(model))
    assert (
        find(replace(model, loras=()), SHAPE) is None
        or find(replace(model, loras=()), SHAPE).source is not Source.MACHINE
    )
    assert find(replace(model, id="other/model"), SHAPE) is None


@pytest.mark.parametrize("name", sorted(path.stem for path in (builtin_conf() / "frontiers").glob("*.yaml")))
def test_what_ships_is_for_an_option_as_it_is(name):
    found = find(load([f"model={name}"]).model, SHAPE)
    assert found and found.source is Source.SHIPPED and found.measurement.model == name
    assert found.measurement.settings or all(one.source for one in found.measurement.published)
    assert find(load([f"model={name}", "model.loras=[{id: own.safetensors}]"]).model, SHAPE) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 99}', '{"version": 1, "model": 3}', "\x00" * 10])
def test_a_file_that_cannot_be_used_is_left_out(model, text):
    remember(measurement(model)).write_text(text)
    assert find(model, SHAPE) is None
