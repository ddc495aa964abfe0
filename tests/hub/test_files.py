"""Which files of a component are chosen, by their names alone."""

from __future__ import annotations

import pytest

from tests.hub.messages import message_of
from vgpipe.hub.repo import variants_of, weight_files


def listing(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 1)


MODEL = "unet/diffusion_pytorch_model"


@pytest.mark.parametrize(
    ("names", "variant", "chosen"),
    [
        ([f"{MODEL}.safetensors", f"{MODEL}.fp16.safetensors"], "fp16", [f"{MODEL}.fp16.safetensors"]),
        ([f"{MODEL}.safetensors", f"{MODEL}.fp16.safetensors"], None, [f"{MODEL}.safetensors"]),
        ([f"{MODEL}.safetensors", f"{MODEL}.fp16.safetensors"], "bf16", [f"{MODEL}.safetensors"]),
        ([f"{MODEL}.safetensors", f"{MODEL}.bin"], "fp16", [f"{MODEL}.safetensors"]),
        ([f"{MODEL}.fp16.safetensors"], "fp16", [f"{MODEL}.fp16.safetensors"]),
        (
            ["unet/x", f"{MODEL}.safetensors.index.fp16.json", f"{MODEL}.fp16-00001-of-00001.safetensors"],
            "fp16",
            [f"{MODEL}.safetensors.index.fp16.json", f"{MODEL}.fp16-00001-of-00001.safetensors"],
        ),
        (
            [f"{MODEL}.safetensors.fp16.index.json", f"{MODEL}-00001-of-00001.fp16.safetensors"],
            "fp16",
            [f"{MODEL}.safetensors.fp16.index.json", f"{MODEL}-00001-of-00001.fp16.safetensors"],
        ),
        (
            [
                f"{MODEL}.safetensors.index.json", f"{MODEL}-00001-of-00002.safetensors",
                f"{MODEL}-00002-of-00002.safetensors", f"{MODEL}.safetensors.index.fp16.json",
                f"{MODEL}.fp16-00001-of-00001.safetensors",
            ],
            None,
            [
                f"{MODEL}.safetensors.index.json", f"{MODEL}-00001-of-00002.safetensors",
                f"{MODEL}-00002-of-00002.safetensors",
            ],
        ),
    ],
)  # fmt: skip
def test_one_variant_is_chosen(names: list[str], variant: str | None, chosen: list[str]) -> None:
    assert weight_files(listing(*names, "unet/config.json", "vae/model.safetensors"), "unet", variant) == chosen


def test_a_single_file_and_shards_side_by_side() -> None:
    shards = [f"{MODEL}.safetensors.index.json", f"{MODEL}-00001-of-00001.safetensors"]
    assert weight_files(listing(f"{MODEL}.safetensors", *shards), "unet", None) == shards
    text = ["te/model.safetensors", "te/model.safetensors.index.json", "te/model-00001-of-00001.safetensors"]
    assert weight_files(listing(*text), "te", None) == ["te/model.safetensors"]


def test_files_at_the_root() -> None:
    names = listing("config.json", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors")
    assert weight_files(names, "", "fp16") == ["diffusion_pytorch_model.fp16.safetensors"]
    assert variants_of(names, "") == ("", "fp16") and variants_of(names, "unet") == ()


def test_components_without_weights_have_none() -> None:
    assert weight_files(listing("tokenizer/tokenizer_config.json", "tokenizer/config.json"), "tokenizer", "fp16") == []
    assert weight_files(listing("scheduler/scheduler_config.json"), "scheduler", None) == []


@pytest.mark.parametrize(
    ("names", "variant", "reported"),
    [
        (["unet/config.json", f"{MODEL}.bin"], None, "unet has only pickled weights (diffusion_pytorch_model.bin)"),
        (["unet/config.json"], None, "has a config but no model.safetensors"),
        (["unet/config.json", "unet/other.safetensors"], None, "(only other.safetensors)"),
        (["vae/config.json"], None, "unet is missing"),
        ([f"{MODEL}.fp16.safetensors"], None, "has only the variant fp16 -> model.variant=fp16"),
        ([f"{MODEL}-00001-of-00002.safetensors"], None, "lacks its index"),
        ([f"{MODEL}.safetensors.index.json", f"{MODEL}-00002-of-00002.safetensors"], None, "lacks shard 1 of 2"),
        ([f"{MODEL}.safetensors.index.json"], None, "no model.safetensors of any kind"),
    ],
)
def test_weights_that_cannot_be_loaded(names: list[str], variant: str | None, reported: str) -> None:
    assert reported in message_of(lambda: weight_files(listing(*names), "unet", variant))
