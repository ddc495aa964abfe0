"""Memory predicted and measured, of plan.json and events."""

from __future__ import annotations

from vgpipe.report.forecast import memory, predicted_ram

SIZE = {"width": 64, "height": 48, "num_frames": 17}
RECORDS = [{"clip": "a", **SIZE}, {"clip": "b", **SIZE}, {"clip": "long", **SIZE, "num_frames": 99}]


def group(stage, ram=None, gpu=None, **more):
    predicted = {"seconds": [1, 2], "allocated_gib": 0.01, "ram_gib": 0.35}
    measured = {"seconds": 1.5, "allocated_gib": gpu, "ram_gib": ram}
    return {"stage": stage, **SIZE, "predicted": predicted, "measured": measured, **more}


def peak(clip, ram, stage="denoise", gpu=None):
    return {"event": "stage_peak", "clip": clip, "stage": stage, "ram_gb": ram, "device_gb": gpu}


def test_both_are_the_same_quantity():
    plan = {"measured": [group("decode", ram=0.5), group("denoise", ram=0.4)]}
    ram = "RAM of the process"
    assert memory(plan, [], []) == [
        {"label": "denoise 64x48x17", "kind": ram, "predicted": 0.35, "measured": 0.4},
        {"label": "decode 64x48x17", "kind": ram, "predicted": 0.35, "measured": 0.5},
    ]
    plan["measured"].append(group("decode", ram=2.0, gpu=0.02))
    (only,) = memory(plan, [], [])  # the others were not measured there
    assert (only["kind"], only["predicted"], only["measured"]) == ("GPU memory", 0.01, 0.02)


def test_events_have_the_peaks_of_several_workers():
    plan = {"measured": [group("denoise"), group("decode"), group("encode", predicted=None), "x", {"stage": 7}]}
    events = [peak("a", 0.4), peak("b", 0.6), peak("canary", 9.0), peak("long", 9.0), peak("a", "x"), {"event": 1}]
    (found,) = memory(plan, RECORDS, events)
    assert (found["label"], found["measured"]) == ("denoise 64x48x17", 0.6)


def test_the_ram_predicted_of_a_size_is_that_of_its_largest_stage():
    larger = group("decode", predicted={"ram_gib": 0.7})
    assert predicted_ram({"measured": [group("denoise"), larger, {}]}) == {(64, 48, 17): 0.7}
    assert predicted_ram({"measured": None}) == {}
