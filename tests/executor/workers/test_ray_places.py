"""Which workers the nodes of a cluster hold."""

from __future__ import annotations

import pytest

from vgpipe.executor.workers.ray_places import Need, Node, need_for, places
from vgpipe.units import GIB

CARDS = Node("a", "box", {"CPU": 16, "GPU": 2, "memory": 60 * GIB})
CPUS = Node("b", "desk", {"CPU": 8, "memory": 30 * GIB, "ssd": 1})
SMALL = Node("c", "desk-2", {"CPU": 2, "memory": 4 * GIB}, shares_store=False)


def found(nodes, need, most=None, held=None, *, on_cpu=False):
    return places(nodes, need_for(nodes, need, on_cpu=on_cpu), most, held or {})


def names(places):
    return [place.slot.name for place in places]


def test_workers_take_gpus_where_a_node_has_them_and_each_sees_its_own_alone():
    two = found([CARDS, CPUS, SMALL], Need())
    assert names(two) == ["box/cuda:0", "box/cuda:1"] and {place.slot.device for place in two} == {"cuda:0"}
    assert [(place.gpus, place.cpus, place.memory_bytes) for place in two] == [(1, 1, None)] * 2
    assert two[0].slot.node == "box" and two[0].node == "a"


def test_the_cpus_of_a_node_are_shared_by_the_workers_that_its_ram_holds():
    found_here = found([CPUS, SMALL], Need(memory_gb=7.0))
    assert names(found_here) == [f"desk/cpu-{number}" for number in (1, 2, 3, 4)]
    assert {place.cpus for place in found_here} == {2} and found_here[0].memory_bytes == 7 * GIB
    assert names(found([CPUS], Need(cpus=3))) == ["desk/cpu-1", "desk/cpu-2"]
    assert [place.slot.shares_store for place in found([SMALL], Need())] == [False, False]


def test_gpus_are_left_alone_where_the_user_says_so():
    assert names(found([CARDS], Need(cpus=16), on_cpu=True)) == ["box/cpu-1"]
    assert names(found([CARDS], Need(gpus=0, cpus=8))) == ["box/cpu-1", "box/cpu-2"]


def test_further_resources_are_needed_too():
    need = Need(cpus=1, resources={"ssd": 0.5})
    assert names(found([CPUS, SMALL], need)) == ["desk/cpu-1", "desk/cpu-2"]
    assert found([CPUS], need)[0].resources == {"ssd": 0.5}
    assert found([SMALL], need) == []


def test_a_limited_number_is_spread_over_the_nodes():
    assert names(found([CPUS, SMALL], Need(), most=3)) == ["desk/cpu-1", "desk/cpu-2", "desk-2/cpu-1"]
    assert [place.cpus for place in found([CPUS, SMALL], Need(), most=2)] == [8, 2]


def test_a_node_that_joins_takes_no_place_of_another_and_one_that_goes_leaves_its_own():
    assert names(found([CPUS, SMALL], Need(), most=2, held={"b": 2})) == ["desk/cpu-1", "desk/cpu-2"]
    assert names(found([SMALL], Need(), most=2, held={"b": 2})) == ["desk-2/cpu-1", "desk-2/cpu-2"]


@pytest.mark.parametrize("need", [Need(memory_gb=100.0), Need(cpus=99), Need(resources={"tpu": 1})])
def test_what_no_node_holds_has_no_place(need):
    assert found([CPUS, SMALL], need) == []


def test_the_only_node_of_a_ray_that_was_started_here_has_no_name():
    assert names(found([Node("x", "", {"CPU": 2})], Need())) == ["cpu-1", "cpu-2"]
