"""Combinations of strategies, one a stage, from figures made up for the purpose."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.memory.strategies import Strategy, most_frugal
from vgpipe.planner.choice.per_stage import best_combination, strategies_of, with_combination
from vgpipe.planner.forecast_records import Forecast, StageForecast
from vgpipe.planner.profile_records import ClipSpec

SPEC = ClipSpec(width=64, height=64, num_frames=5, num_inference_steps=4, guidance_scale=5.0, fps=8.0)
STAGES = ("encode", "denoise", "decode")
WHOLE = {Strategy.RESIDENT, Strategy.MODEL_OFFLOAD, Strategy.STAGED}
PACE = {strategy: 1.0 + place for place, strategy in enumerate(Strategy)}


def way(strategy, weights, activations=(1, 3, 2), *, stream=False, seconds=True, ram=None, stored="native"):
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
        weights={"transformer": stored},
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


def test_a_large_encoder_goes_piecewise_while_the_others_stay_whole():
    with_verdict = judge(40)
    found = best_combination(ways((100, 30, 5), with_verdict), with_verdict)
    assert strategies_of(found) == {
        "encode": Strategy.BLOCK_OFFLOAD,
        "denoise": Strategy.MODEL_OFFLOAD,
        "decode": Strategy.MODEL_OFFLOAD,
    }
    assert found.fits and found.strategy is Strategy.BLOCK_OFFLOAD
    assert found.peak_bytes == 33


def test_there_is_none_where_one_strategy_for_all_is_as_fast():
    for device in (1000, 105):  # resident fits, then model_offload
        with_verdict = judge(device)
        assert best_combination(ways((100, 30, 5), with_verdict), with_verdict) is None


def test_there_is_none_where_nothing_fits():
    with_verdict = judge(2)
    assert best_combination(ways((100, 30, 5), with_verdict), with_verdict) is None


def test_what_waits_in_ram_counts_in_the_stages_of_others():
    with_verdict = judge(40, ram=120)  # the encoder takes 100 in RAM, and 30 + 5 would wait beside it
    found = best_combination(ways((100, 30, 5), with_verdict), with_verdict)
    assert found.fits and found.stages[0].strategy is Strategy.BLOCK_OFFLOAD
    assert Strategy.MODEL_OFFLOAD not in {found.stages[1].strategy} or found.stages[2].strategy is Strategy.STAGED
    kept = [stage for stage in found.stages if stage.strategy is Strategy.MODEL_OFFLOAD]
    assert found.stages[0].ram_bytes == 100 + sum(stage.weight_bytes for stage in kept) <= 120


def test_ram_of_model_offload_holds_only_what_really_waits():
    with_verdict = judge(40)
    found = best_combination(ways((100, 30, 5), with_verdict), with_verdict)
    assert [stage.ram_bytes for stage in found.stages] == [135, 35, 35]


def test_stages_are_all_fetched_ahead_or_none():
    with_verdict = judge(42)
    known = [
        *ways((100, 30, 5), with_verdict),
        *(with_verdict(way(one, (100, 300, 5), stream=True)) for one in Strategy if one not in WHOLE),
    ]
    found = best_combination(known, with_verdict)
    streamed = {True: 2 * 10, False: 10}[found.stream]
    assert found.stages[0].weight_bytes == streamed
    # the denoiser with streams would take 60: where it is offloaded too, nothing is fetched ahead
    tight = judge(32)
    known = [
        *(tight(way(one, (100, 300, 5))) for one in Strategy),
        *(tight(way(one, (100, 300, 5), stream=True)) for one in Strategy if one not in WHOLE),
    ]
    assert best_combination(known, tight) is None or best_combination(known, tight).stream is False


def test_weights_that_cannot_leave_the_device_do_not_wait_in_ram():
    with_verdict = judge(40)
    found = best_combination(ways((100, 30, 5), with_verdict, stored="bnb_int8"), with_verdict)
    assert Strategy.MODEL_OFFLOAD not in strategies_of(found).values()


def test_without_known_times_the_order_of_the_strategies_decides():
    with_verdict = judge(40)
    found = best_combination(ways((100, 30, 5), with_verdict, seconds=False), with_verdict)
    assert list(strategies_of(found).values()) == [
        Strategy.BLOCK_OFFLOAD,
        Strategy.MODEL_OFFLOAD,
        Strategy.MODEL_OFFLOAD,
    ]


def test_its_place_is_before_the_first_that_fits():
    with_verdict = judge(40)
    rows = ways((100, 30, 5), with_verdict)
    found = best_combination(rows, with_verdict)
    effective_placement = with_combination(rows, found)
    assert next(row for row in effective_placement if row.fits) is found and len(effective_placement) == len(rows) + 1
    assert with_combination(rows, None) == tuple(rows)


def test_the_most_frugal():
    assert most_frugal([Strategy.STAGED, Strategy.LEAF_OFFLOAD, Strategy.RESIDENT]) is Strategy.LEAF_OFFLOAD


sizes = st.integers(0, 200)


@settings(max_examples=60, deadline=None)
@given(st.tuples(sizes, sizes, sizes), st.integers(1, 400), st.integers(1, 600))
def test_it_is_the_fastest_of_all_combinations_that_fit(weights, device, ram):
    with_verdict = judge(device, ram)
    rows = ways(weights, with_verdict)
    found = best_combination(rows, with_verdict)
    singles = [sum(PACE[row.strategy] for _ in STAGES) for row in rows if row.fits]
    best = min(singles, default=10**9)
    if found is not None:
        assert found.fits and with_verdict(found).fits and Strategy.RESIDENT not in strategies_of(found).values()
        pace = sum(PACE[strategy] for strategy in strategies_of(found).values())
        assert pace <= best
        best = pace
    by = {row.strategy: {stage.stage: stage for stage in row.stages} for row in rows}
    for chosen in product([one for one in Strategy if one is not Strategy.RESIDENT], repeat=3):
        named = dict(zip(STAGES, chosen, strict=True))
        waits = {name: by[one][name].weight_bytes for name, one in named.items() if one is Strategy.MODEL_OFFLOAD}
        own = {
            name: waits[name] if name in waits else by[one][name].ram_bytes for name, one in named.items()
        }  # of model_offload, its own alone
        in_ram = max(own[name] + sum(size for other, size in waits.items() if other != name) for name in STAGES)
        on_device = max(by[one][name].allocated_bytes for name, one in named.items())
        if in_ram <= ram and on_device <= device:
            assert best <= sum(PACE[one] for one in chosen)


def test_a_difference_that_no_range_tells_is_none_and_what_moves_less_is_taken():
    with_verdict = judge(40)
    hour = 3600.0

    def timed(row, encode):
        stages = [replace(stage, seconds=(hour, hour)) for stage in row.stages]
        return replace(row, stages=(replace(stages[0], seconds=(encode, encode)), *stages[1:]))

    quick = {Strategy.DISK_OFFLOAD: 5.0, Strategy.LEAF_OFFLOAD: 5.1, Strategy.BLOCK_OFFLOAD: 5.2}
    rows = [timed(row, quick.get(row.strategy, 1.0)) for row in ways((100, 30, 5), with_verdict)]
    found = best_combination(rows, with_verdict)
    assert strategies_of(found)["encode"] is Strategy.BLOCK_OFFLOAD
    slow = {Strategy.DISK_OFFLOAD: 5.0, Strategy.LEAF_OFFLOAD: hour, Strategy.BLOCK_OFFLOAD: hour}
    rows = [timed(row, slow.get(row.strategy, 1.0)) for row in ways((100, 30, 5), with_verdict)]
    assert strategies_of(best_combination(rows, with_verdict))["encode"] is Strategy.DISK_OFFLOAD
