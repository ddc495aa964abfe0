"""What finished runs teach, and what cannot mislead it."""

from __future__ import annotations

import json

import pytest

from vgpipe.planner.estimate.calibration import (
    LEAST_SPREAD,
    MAX_BYTES,
    NAME,
    SPREAD_OF_FEW,
    SPREAD_OF_OTHERS,
    own_ratio,
    record,
)


def learn(
    folder, ratio: float, *, device: str = "card", stage: str = "denoise", attention: str = "sdpa",
    model: str = "made_up", **more,
) -> None:  # fmt: skip
    record(
        folder,
        device=device,
        attention=attention,
        stage=stage,
        model=model,
        flops=1e12,
        seconds=ratio * 10.0,
        expected_s=10.0,
        **more,
    )


def known(folder, **wanted):
    return own_ratio(
        folder, **({"device": "card", "stage": "denoise", "attention": "sdpa", "model": "made_up"} | wanted)
    )


def around(ratio: float, spread: float) -> object:
    return pytest.approx((ratio / (1 + spread), ratio * (1 + spread)))


def test_one_run_of_the_model_says_something_and_three_say_more(tmp_path):
    learn(tmp_path, 0.5)
    assert known(tmp_path) == around(0.5, SPREAD_OF_FEW)
    learn(tmp_path, 0.5)
    learn(tmp_path, 0.5)
    assert known(tmp_path) == around(0.5, LEAST_SPREAD)


def test_runs_of_other_models_count_once_there_are_three_models(tmp_path):
    for _ in range(5):
        learn(tmp_path, 0.5, model="a")
        learn(tmp_path, 0.8, model="b")
    assert known(tmp_path) is None
    learn(tmp_path, 0.6, model="c")
    assert known(tmp_path) == pytest.approx((0.5 / (1 + SPREAD_OF_OTHERS), 0.8 * (1 + SPREAD_OF_OTHERS)))
    learn(tmp_path, 2.0)
    assert known(tmp_path) == around(2.0, SPREAD_OF_FEW)  # its own come first


def test_one_slow_run_changes_little(tmp_path):
    for ratio in (0.50, 0.50, 0.52, 0.48, 9.0):
        learn(tmp_path, ratio)
    assert known(tmp_path) == around(0.5, LEAST_SPREAD)


def test_runs_that_differ_give_a_wide_range(tmp_path):
    for ratio in (0.2, 0.4, 0.6):
        learn(tmp_path, ratio)
    assert known(tmp_path) == around(0.4, 1.0)


def test_the_last_twenty_runs_count(tmp_path):
    for ratio in [0.1] * 50 + [0.8] * 20:
        learn(tmp_path, ratio)
    assert known(tmp_path) == around(0.8, LEAST_SPREAD)


def test_devices_stages_and_backends_are_kept_apart(tmp_path):
    for _ in range(3):
        learn(tmp_path, 0.5)
        learn(tmp_path, 0.2, stage="decode", attention="sage")
    assert known(tmp_path, device="other") is None
    assert known(tmp_path, stage="encode") is None
    assert known(tmp_path, attention="sage") is None
    assert known(tmp_path, stage="decode") == around(0.2, LEAST_SPREAD)  # no attention to speak of


def test_a_run_on_a_device_of_unknown_rate_is_kept_without_teaching(tmp_path):
    record(
        tmp_path,
        device="card",
        attention="sdpa",
        stage="denoise",
        model="made_up",
        flops=1e12,
        seconds=2.0,
        measured_bytes=5,
        predicted_bytes=4,
    )
    line = json.loads((tmp_path / NAME).read_text())
    assert (line["ratio"], line["measured_bytes"], line["predicted_bytes"]) == (None, 5, 4)
    assert known(tmp_path) is None


@pytest.mark.parametrize(
    ("flops", "seconds"), [(0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0), (1.0, float("inf")), (-1, 1)]
)
def test_what_is_no_measurement_is_not_kept(tmp_path, flops, seconds):
    record(tmp_path, device="c", attention="sdpa", stage="encode", model="m", flops=flops, seconds=seconds)
    assert not (tmp_path / NAME).exists()


HOSTILE = [
    b"\xff\xfe\x00garbage",
    b"[" * 100_000,
    b'{"schema": 1, "device": "card", "stage": "denoise", "attention": "sdpa", "model": "made_up", "ratio": "0.5"}',
    b'{"schema": 1, "device": "card", "stage": "denoise", "attention": "sdpa", "model": "made_up", "ratio": NaN}',
    b'{"schema": 1, "device": "card", "stage": "denoise", "attention": "sdpa", "model": "made_up", "ratio": 1e308}',
    b'{"schema": 1, "device": ["card"], "stage": {}, "ratio": 0.9}',
    b'{"schema": 9, "device": "card", "stage": "denoise", "attention": "sdpa", "ratio": 0.9}',
    b"null",
    b'{"schema": 1, "device": "card", "stage": "denoi',
]


def test_nothing_in_the_file_can_mislead_or_stop_it(tmp_path):
    for _ in range(3):
        learn(tmp_path, 0.5)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b"\n".join(HOSTILE) + b"\n")
    assert known(tmp_path) == around(0.5, LEAST_SPREAD)


def test_a_folder_in_place_of_the_file_and_one_that_cannot_be_made_are_no_error(tmp_path, caplog):
    (tmp_path / NAME).mkdir()
    assert known(tmp_path) is None
    learn(tmp_path, 0.5)
    (tmp_path / "file").write_text("")
    learn(tmp_path / "file" / "below", 0.5)
    assert caplog.text.count("are not saved for the next plan") == 2


def test_the_file_stays_small_and_keeps_the_newest(tmp_path):
    (tmp_path / NAME).write_bytes(b'{"old": 1}\n' * (MAX_BYTES // 11 + 10))
    for _ in range(3):
        learn(tmp_path, 0.5)
    assert (tmp_path / NAME).stat().st_size < MAX_BYTES * 0.6
    assert known(tmp_path) == around(0.5, LEAST_SPREAD)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
