"""Combinations of strategies, one a stage, from figures made up for the purpose."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.memory.strategies import Strategy, most_frugal
from vgpipe.planner.choice.least_ram import preferred
from vgpipe.planner.choice.per_stage import candidates, fitting, strategies_of, with_chosen
from vgpipe.planner.forecast_records import Forecast, StageForecast
from vgpipe.planner.profile_records import ClipSpec

SPEC = ClipSpec(width=64, height=64, num_frames=5, num_inference_steps=4, guidance_scale=5.0, fps=8.0)
STAGES = ("encode", "denoise", "decode")
WHOLE = {Strategy.RESIDENT, Strategy.MODEL_OFFLOAD, Strategy.STAGED}
KEPT = {Strategy.RESIDENT, Strategy.MODEL_OFFLOAD}
PACE = {strategy: 1.0 + place for place, strategy in enumerate(Strategy)}


def way(strategy, weights, activations=(1, 3, 2), *, stream=False, seconds=True, ram=None):
    """One strategy for all stages; weights in bytes a stage, a tenth of them on the device where they are offloaded."""
    stages = []
    for name, weight, extra in zip(STAGES, weights, activations, strict=True):
        held = sum(weights) if strategy is Strategy.RESIDENT else weight if strategy in WHOLE else weight // 10
        held += held if stream else 0
        in_ram = sum(weights) if strategy is Strategy.MODEL_OFFLOAD else weight
        stages.append(
            StageForecast(
                stage=name,
                allocated_bytes=held + extra,
                reserved_bytes=held + extra,
                ram_bytes=in_ram if ram is None else ram,
                weight_bytes=held,
                activation_bytes=extra,
                own_bytes=weight,
                flops=1.0,
                transfer_bytes=0,
                seconds=(PACE[strategy], PACE[strategy]) if seconds else None,
                method="fake",
            )
        )
    return Forecast(
        model="made up",
        spec=SPEC,
        tier="card",
        strategy=strategy,
        stream=stream,
        vae_tiling=False,
        vae_tile_size=None,
        weights={"transformer": "native"},
        stages=tuple(stages),
        weight_bytes=sum(weights),
        load_seconds=(0.0, 0.0),
        download_bytes=0,
        disk_bytes=0,
    )


def judge(device, ram=10**9):
    def with_verdict(forecast):
        found = [f"{stage.stage} device" for stage in forecast.stages if stage.allocated_bytes > device]
        found += [f"{stage.stage} ram" for stage in forecast.stages if stage.ram_bytes > ram]
        return replace(forecast, refusals=tuple(found))

    return with_verdict


def ways(weights, with_verdict, **options):
    return [with_verdict(way(strategy, weights, **options)) for strategy in Strategy]


def best(known, with_verdict):
    found = preferred(fitting(known, with_verdict, clips=1))
    return None if found is None else found.way


def test_a_large_encoder_goes_piecewise_while_the_others_stay_whole():
    with_verdict = judge(40)
    found = best(ways((100, 30, 5), with_verdict), with_verdict)
    assert strategies_of(found) == {
        "encode": Strategy.BLOCK_OFFLOAD,
        "denoise": Strategy.STAGED,
        "decode": Strategy.STAGED,
    }
    assert found.fits and found.strategy is Strategy.BLOCK_OFFLOAD
    assert found.peak_bytes == 33


def test_one_strategy_for_all_stages_is_taken_where_it_is_as_fast():
    for device in (1000, 105):  # resident fits, then model_offload
        with_verdict = judge(device)
        known = ways((100, 30, 5), with_verdict)
        assert best(known, with_verdict) in known


def test_there_is_none_where_nothing_fits():
    with_verdict = judge(2)
    assert best(ways((100, 30, 5), with_verdict), with_verdict) is None


def test_each_stage_needs_the_ram_of_its_own_components():
    with_verdict = judge(40)
    found = best(ways((100, 30, 5), with_verdict), with_verdict)
    assert [stage.ram_bytes for stage in found.stages] == [100, 30, 5]


def test_what_does_not_fit_the_ram_is_not_combined():
    with_verdict = judge(105, ram=120)  # model_offload holds 135 in RAM
    found = best(ways((100, 30, 5), with_verdict), with_verdict)
    assert found.strategy is Strategy.STAGED


def test_stages_are_all_fetched_ahead_or_none():
    with_verdict = judge(42)
    known = [
        *ways((100, 30, 5), with_verdict),
        *(with_verdict(way(one, (100, 300, 5), stream=True)) for one in Strategy if one not in WHOLE),
    ]
    found = best(known, with_verdict)
    streamed = {True: 2 * 10, False: 10}[found.stream]
    assert found.stages[0].weight_bytes == streamed
    # the denoiser with streams would take 60: where it is offloaded too, nothing is fetched ahead
    tight = judge(32)
    known = [
        *(tight(way(one, (100, 300, 5))) for one in Strategy),
        *(tight(way(one, (100, 300, 5), stream=True)) for one in Strategy if one not in WHOLE),
    ]
    assert best(known, tight) is None or best(known, tight).stream is False


def test_what_waits_for_its_stage_is_for_all_stages_or_none():
    """A stage with any other strategy drops what waits, so it would be loaded again after all."""
    with_verdict = judge(40)
    found = best(ways((100, 30, 5), with_verdict), with_verdict)
    assert not KEPT & set(strategies_of(found).values())


def test_without_known_times_the_order_of_the_strategies_decides():
    with_verdict = judge(40)
    found = best(ways((100, 30, 5), with_verdict, seconds=False), with_verdict)
    assert list(strategies_of(found).values()) == [
        Strategy.BLOCK_OFFLOAD,
        Strategy.STAGED,
        Strategy.STAGED,
    ]


def test_its_place_is_before_the_first_that_fits():
    with_verdict = judge(40)
    rows = ways((100, 30, 5), with_verdict)
    found = best(rows, with_verdict)
    shown = with_chosen(rows, found)
    assert next(row for row in shown if row.fits) is found and len(shown) == len(rows) + 1
    assert with_chosen(rows, None) == with_chosen(rows, rows[-1]) == tuple(rows)


def test_another_way_of_a_strategy_takes_the_place_of_its_row():
    with_verdict = judge(1000)
    rows = ways((100, 30, 5), with_verdict)
    streamed = with_verdict(way(Strategy.LEAF_OFFLOAD, (100, 30, 5), stream=True))
    shown = with_chosen(rows, streamed)
    assert [row.strategy for row in shown] == list(Strategy) and streamed in shown


def test_loading_again_is_shared_by_the_clips_of_a_wave():
    dropped = replace(way(Strategy.STAGED, (100, 30, 5)), load_seconds=(60.0, 60.0))
    kept = replace(way(Strategy.MODEL_OFFLOAD, (100, 30, 5)), load_seconds=(60.0, 60.0))
    seconds = [candidates([one], clips=clips)[0].seconds for one in (dropped, kept) for clips in (1, 20)]
    assert seconds == [9 + 60, 9 + 3, 6, 6]


def test_the_most_frugal():
    assert most_frugal([Strategy.STAGED, Strategy.LEAF_OFFLOAD, Strategy.RESIDENT]) is Strategy.LEAF_OFFLOAD


sizes = st.integers(0, 200)


@settings(max_examples=60, deadline=None)
@given(st.tuples(sizes, sizes, sizes), st.integers(1, 400), st.integers(1, 600))
def test_it_is_the_fastest_of_all_combinations_that_fit(weights, device, ram):
    with_verdict = judge(device, ram)
    rows = ways(weights, with_verdict)
    found = best(rows, with_verdict)
    known = [sum(PACE[row.strategy] for _ in STAGES) for row in rows if row.fits]
    by = {row.strategy: {stage.stage: stage for stage in row.stages} for row in rows}
    for chosen in product([one for one in Strategy if one not in KEPT], repeat=3):
        named = [by[strategy][name] for name, strategy in zip(STAGES, chosen, strict=True)]
        if all(stage.ram_bytes <= ram and stage.allocated_bytes <= device for stage in named):
            known.append(sum(PACE[one] for one in chosen))
    if found is None:
        assert not known
        return
    assert found.fits and with_verdict(found).fits
    assert found in rows or not KEPT & set(strategies_of(found).values())
    assert sum(PACE[one] for one in strategies_of(found).values()) <= 1.05 * min(known)


def test_a_difference_that_no_range_tells_is_none_and_what_moves_less_is_taken():
    with_verdict = judge(40)
    hour = 3600.0

    def timed(row, encode):
        stages = [replace(stage, seconds=(hour, hour)) for stage in row.stages]
        return replace(row, stages=(replace(stages[0], seconds=(encode, encode)), *stages[1:]))

    quick = {Strategy.DISK_OFFLOAD: 5.0, Strategy.LEAF_OFFLOAD: 5.1, Strategy.BLOCK_OFFLOAD: 5.2}
    rows = [timed(row, quick.get(row.strategy, 1.0)) for row in ways((100, 30, 5), with_verdict)]
    found = best(rows, with_verdict)
    assert strategies_of(found)["encode"] is Strategy.BLOCK_OFFLOAD
    slow = {Strategy.DISK_OFFLOAD: 5.0, Strategy.LEAF_OFFLOAD: hour, Strategy.BLOCK_OFFLOAD: hour}
    rows = [timed(row, slow.get(row.strategy, 1.0)) for row in ways((100, 30, 5), with_verdict)]
    assert strategies_of(best(rows, with_verdict))["encode"] is Strategy.DISK_OFFLOAD
