"""Prompts of a program are read like those of a file, and messages name their place in the list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vgpipe.errors import JobError
from vgpipe.job.reading.values import json_lines, read_values


def read(prompts: object) -> list:
    return list(read_values(json_lines(prompts, Path("/here")), Path("/here")).entries)


def test_texts_and_mappings_are_prompts_and_a_single_one_needs_no_list():
    found = read(["a red circle", {"prompt": "a {c} circle", "matrix": {"c": ("red", "blue")}, "seeds": range(2)}])
    assert found[0].prompt == "a red circle"
    assert (found[1].matrix, found[1].settings.values) == ({"c": ("red", "blue")}, {"seeds": [0, 1]})
    assert read("alone")[0].prompt == read({"prompt": "alone"})[0].prompt == "alone"


def test_numbers_of_numpy_paths_and_none_are_taken():
    (found,) = read([{"prompt": "a", "seed": np.int64(7), "fps": np.float32(8), "image": Path("a.png"), "width": None}])
    assert found.settings.values == {"seed": 7, "fps": 8.0, "image": "/here/a.png"}


def test_every_fault_names_its_place_in_the_list():
    prompts = ["a", {"prompt": "b", "sead": 1}, 3, {"prompt": "c", "seed": -1}, {"prompt": "d {x}"}, ["e"], None, ""]
    with pytest.raises(JobError) as caught:
        read(prompts)
    assert [fault.where for fault in caught.value.faults] == [f"prompts[{at}]" for at in range(1, 8)]
    assert "did you mean `seed`?" in str(caught.value) and "in prompts; nothing was started" in str(caught.value)


def test_the_same_id_twice_names_both_places():
    with pytest.raises(JobError, match=r"prompts\[1\]: the id .* is already at prompts\[0\]"):
        read([{"prompt": "a", "id": "x"}, {"prompt": "b", "id": "X"}])


@pytest.mark.parametrize("wrong", [object(), {"prompt": "a", "seed": 1j}, {"prompt": {1, 2}}])
def test_what_no_job_file_could_hold_is_refused_by_its_type(wrong):
    with pytest.raises(JobError, match=r"prompts\[1\]: it cannot be written to a job file: a value of the type \w+"):
        read(["a", wrong])


def test_no_prompt_is_refused():
    with pytest.raises(JobError, match="prompts: there is no prompt"):
        read([])
