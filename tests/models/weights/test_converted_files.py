"""Weights that go from files to files are converted one by one, to the same bits at the same alignment."""

from __future__ import annotations

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file

from vgpipe.errors import StoreError
from vgpipe.models.weights.converted_files import ALIGNMENT_BYTES, aligned, converted
from vgpipe.models.weights.pretrained import copy_out_of_files, kept_in_float32


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A denoiser in float32, in shards, with sizes that are no multiples of the alignment."""
    torch.manual_seed(0)
    model = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=10, freq_dim=14,
        ffn_dim=18, num_layers=2,
    )  # fmt: skip
    place = tmp_path_factory.mktemp("wan") / "transformer"
    model.save_pretrained(place, max_shard_size="20KB")
    return place


def paths_of(place):
    return sorted(place.glob("*.safetensors"))


def loaded(place, dtype):
    model = WanTransformer3DModel.from_pretrained(place, torch_dtype=dtype)
    copy_out_of_files(model, dtype)
    return model


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_is_loaded_has_the_bits_and_the_alignment_of_what_was_converted_in_ram(place, tmp_path, dtype):
    assert len(paths_of(place)) > 1
    expected = loaded(place, dtype).state_dict()
    kept = kept_in_float32(WanTransformer3DModel, dtype)
    with converted(place, paths_of(place), dtype, kept, tmp_path / "new") as copy:
        stored = {name: tensor for path in paths_of(copy) for name, tensor in load_file(path).items()}
        found = loaded(copy, dtype)
    assert not list((tmp_path / "new" / "transformer").iterdir())
    aligned(found)  # what was loaded outlives the copy
    state = found.state_dict()
    assert {name: one.dtype for name, one in state.items()} == {name: one.dtype for name, one in expected.items()}
    assert {one.dtype for one in state.values()} == {dtype, torch.float32}  # the class keeps some
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor), name
        assert state[name].data_ptr() % ALIGNMENT_BYTES == tensor.data_ptr() % ALIGNMENT_BYTES == 0, name
        assert stored[name].dtype is (torch.float32 if any(part in name for part in kept) else dtype)


def test_files_that_are_in_that_precision_are_taken_as_they_are(place, tmp_path):
    with converted(place, paths_of(place), torch.float32, (), tmp_path) as copy:
        assert copy == place
    assert not list(tmp_path.iterdir())


def test_a_copy_that_cannot_be_written_says_what_to_type(place, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with (
        pytest.raises(StoreError, match=r"cannot be written to .*-> free some space, store\.dir=DIR"),
        converted(place, paths_of(place), torch.bfloat16, (), blocked),
    ):
        pass
